"""Disks that are full, that fail a write, that fail a sync: nothing acknowledged is lost, and work goes on afterwards."""

from __future__ import annotations

import asyncio
import errno
import mmap
import os
import random
import shutil
import struct
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import grpc
import grpc.aio
import pytest

from tests.faults.form import FULL
from tests.faults.shop import Shop, sound, stub
from tests.support.server import Server, spawn_server

WRITES, SYNCS = 1, 2
ROUNDS = 60 if FULL else 8
CUSTOMERS = 4
SEED = int(os.environ.get("WFCTL_TEST_SEED") or time.time_ns() % 1_000_000)


@asynccontextmanager
async def serving(directory: Path, database: Path, environment: dict[str, str]) -> AsyncIterator[tuple[Server, Shop]]:
    server = spawn_server(directory, options=["--db-filename", str(database)], environment=environment)
    try:
        await asyncio.to_thread(server.wait_until_ready)
        async with grpc.aio.insecure_channel(server.address) as channel:
            yield server, Shop(stub(channel))
    finally:
        server.kill()


# -- a disk that breaks on demand -----------------------------------------------------------------------------------


class Disk:
    """The switch of the preloaded shim (shim.c)."""

    def __init__(self, directory: Path) -> None:
        self._control = directory / "control"
        self._control.write_bytes(bytes(16))
        with self._control.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 16)
        self.library = directory / "shim.so"
        source = Path(__file__).with_name("shim.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(self.library), str(source), "-ldl"], check=True)

    def environment(self, database: Path) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(self.library),
            "WFCTL_SHIM_CONTROL": str(self._control),
            "WFCTL_SHIM_SUFFIX": f"/{database.name}",
        }

    def fail(self, kind: int, after: int, number: int, more: int = 0) -> None:
        self._map[:16] = struct.pack("4i", after, number, kind, more)

    def close(self) -> None:
        self._map.close()

    def mend(self) -> None:
        self.fail(0, 0, 0)

    @property
    def has_failed(self) -> bool:
        until, _, kind, _ = struct.unpack("4i", self._map[:16])
        return bool(kind) and until == 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    if shutil.which("cc") is None or not Path("/proc/self/fd").exists():
        pytest.skip("needs cc and /proc")
    disk = Disk(tmp_path)
    yield disk
    disk.close()


async def shop_until(shop: Shop, condition: object) -> None:
    """Everybody orders and signals until the fault has come; `condition` is called between orders."""
    assert callable(condition)

    async def customer() -> None:
        while not condition():
            name = await shop.start(padding=3000)
            if name is not None:
                await shop.signal(name)

    async with asyncio.timeout(60):
        await asyncio.gather(*(customer() for _ in range(CUSTOMERS)))


async def order_again(shop: Shop) -> None:
    """The server takes orders again, at the latest when the runs it gave up are taken up."""
    async with asyncio.timeout(30):
        while await shop.start() is None:
            pass


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("kind", "number"),
    [(WRITES, errno.ENOSPC), (WRITES, errno.EIO), (SYNCS, errno.EIO)],
    ids=["no space", "write error", "sync error"],
)
async def test_a_failed_write_or_sync_costs_only_what_was_refused(
    tmp_path: Path, disk: Disk, kind: int, number: int
) -> None:
    """Over and over on one server, then `kill -9`: what the file holds is what was promised."""
    print(f"WFCTL_TEST_SEED={SEED}")
    dice, database = random.Random(SEED), tmp_path / "dev.db"
    async with serving(tmp_path, database, disk.environment(database)) as (server, shop):
        for _ in range(ROUNDS):
            disk.fail(kind, after=dice.randint(1, 40), number=number, more=dice.choice([0, 0, 1, 5]))
            await shop_until(shop, lambda: disk.has_failed)
            disk.mend()
            for _ in range(2):  # whatever the dice let through before, each round leaves this much
                await order_again(shop)
        server.kill()
        assert shop.refused >= ROUNDS // 2, "the faults met no request"
        assert shop.compare(database) >= 2 * ROUNDS
    async with serving(tmp_path, database, {}) as (_, again):
        await order_again(again)


# -- a disk that is full --------------------------------------------------------------------------------------------


def _mounted(place: Path) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(place)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@contextmanager
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A tmpfs of four megabytes; only root may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    if shutil.which("mount") is None or not _mounted(place):
        pytest.skip("a small file system cannot be mounted here (tests/engine/test_full_disk.py needs none)")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.timeout(120)
async def test_a_full_file_system_refuses_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path) as place:
        database, ballast = place / "dev.db", place / "ballast"
        ballast.write_bytes(bytes(1_500_000))
        async with serving(tmp_path, database, {}) as (server, shop):
            await shop_until(shop, lambda: shop.refused >= 20)
            kept = len(shop.promised)
            assert kept > 0
            ballast.unlink()
            await order_again(shop)
            assert len(shop.promised) > kept
            server.kill()
            assert shop.compare(database) > kept
        assert sound(database).runs >= kept
