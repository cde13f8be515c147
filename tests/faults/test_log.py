"""A write-ahead log that was cut or whose bits were flipped, at each of its frames: what is left is a beginning of it.

What SQLite keeps of a damaged log ends with the last commit before the damage. So a server that comes back from one knows
less than it had promised (no program can help that), but nothing half, nothing out of order and nothing invented.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.form import FULL
from tests.faults.shop import Shop, events, sound, stub
from tests.support.inprocess import in_process
from wfctl.devserver.storage.file_check import CannotOpen
from wfctl.devserver.storage.open import open_database

HEADER, FRAME_HEADER = 32, 24
ORDERS, SIGNALS = 12, 3
SEED = int(os.environ.get("WFCTL_TEST_SEED") or time.time_ns() % 1_000_000)
SAMPLED = 40


@dataclass(frozen=True)
class Recorded:
    """A database with everything in its log, and what was promised, in order."""

    database: bytes
    log: bytes
    promises: tuple[tuple[str, str], ...]  # (workflow id, signal or nothing for the start)
    frame: int

    @property
    def frames(self) -> int:
        return (len(self.log) - HEADER) // self.frame


@pytest.fixture
async def recorded(tmp_path: Path) -> Recorded:
    path = tmp_path / "dev.db"
    async with in_process(db_path=path, sqlite_pragmas={"wal_autocheckpoint": "0"}) as dev:
        shop, promises = Shop(stub(dev.channel)), []
        for _ in range(ORDERS):
            name = await shop.start()
            assert name is not None
            promises.append((name, ""))
            for _ in range(SIGNALS):
                assert await shop.signal(name)
                promises.append((name, shop.promised[name][-1]))
        page_size = await dev.server.database.read(lambda raw: raw.execute("PRAGMA page_size").fetchone()[0])
        return Recorded(path.read_bytes(), Path(f"{path}-wal").read_bytes(), tuple(promises), FRAME_HEADER + page_size)


def damages(recorded: Recorded, dice: random.Random) -> Iterator[tuple[str, bytes]]:
    """Damaged logs by name: of every frame in the full form, of some in the short one."""
    frames = range(recorded.frames) if FULL else sorted(dice.sample(range(recorded.frames), SAMPLED))
    for number in frames:
        begins = HEADER + number * recorded.frame
        yield "cut before a frame", recorded.log[:begins]
        yield "cut within a frame", recorded.log[: begins + dice.randrange(1, recorded.frame)]
        yield "flipped in a frame's header", flipped(recorded.log, begins + dice.randrange(FRAME_HEADER), dice)
        yield "flipped in a page", flipped(recorded.log, begins + dice.randrange(FRAME_HEADER, recorded.frame), dice)
        yield "zeros to the end", recorded.log[:begins] + bytes(len(recorded.log) - begins)


def flipped(data: bytes, at: int, dice: random.Random) -> bytes:
    return data[:at] + bytes([data[at] ^ 1 << dice.randrange(8)]) + data[at + 1 :]


def kept(path: Path, recorded: Recorded) -> int:
    """How many promises the file holds; they are the first ones."""
    with closing(sqlite3.connect(path)) as connection:
        signals = {}
        for name in {name for name, _ in recorded.promises}:
            found = events(connection, name)
            signals[name] = (
                None
                if found is None
                else {event.workflow_execution_signaled_event_attributes.signal_name for event in found}
            )
    there = [
        (signals[name] is not None and (not signal or signal in (signals[name] or ())))
        for name, signal in recorded.promises
    ]
    assert there == sorted(there, reverse=True), "a later promise is there, an earlier one is not"
    return sum(there)


async def outcome(path: Path, recorded: Recorded) -> str:
    """Open it as a server does."""
    try:
        database = await open_database(path)
    except CannotOpen:
        return "refused"
    database.start()
    await database.close()
    sound(path)
    return f"healed to {kept(path, recorded) * 4 // len(recorded.promises)} quarters"


@pytest.mark.timeout(600)
async def test_what_is_left_of_a_damaged_log_is_a_beginning_of_it(tmp_path: Path, recorded: Recorded) -> None:
    print(f"WFCTL_TEST_SEED={SEED}")
    seen: Counter[str] = Counter()
    place = tmp_path / "damaged"
    for what, log in damages(recorded, random.Random(SEED)):
        place.mkdir()
        path = place / "dev.db"
        path.write_bytes(recorded.database)
        Path(f"{path}-wal").write_bytes(log)
        seen[f"{what}: {await outcome(path, recorded)}"] += 1
        shutil.rmtree(place)
    for line, count in sorted(seen.items()):
        print(f"{count:5} {line}")
    assert seen.total() >= 5 * SAMPLED
    healed = Counter(line.partition(": ")[2] for line in seen)
    assert {f"healed to {quarters} quarters" for quarters in range(4)} <= set(healed), "the damage was all at one end"
    assert not any("refused" in line for line in seen), seen


async def test_a_whole_log_gives_every_promise_back(tmp_path: Path, recorded: Recorded) -> None:
    path = tmp_path / "copy.db"
    path.write_bytes(recorded.database)
    Path(f"{path}-wal").write_bytes(recorded.log)
    assert await outcome(path, recorded) == "healed to 4 quarters"
    assert kept(path, recorded) == len(recorded.promises) == ORDERS * (1 + SIGNALS)
