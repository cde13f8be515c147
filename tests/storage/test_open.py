"""Opening a database: made, locked, checked, migrated, or refused with a sentence."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sqlite3
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Literal

import pytest

from wfctl.devserver.core.errors import Unavailable
from wfctl.devserver.storage import file_system
from wfctl.devserver.storage.database import Database
from wfctl.devserver.storage.file_check import APPLICATION_ID, CannotOpen
from wfctl.devserver.storage.inspection import facts
from wfctl.devserver.storage.open import open_database
from wfctl.devserver.storage.schema import CURRENT_VERSION, VERSIONS

Open = Callable[..., Awaitable[Database]]


@pytest.fixture
async def open_() -> AsyncIterator[Open]:
    async with AsyncExitStack() as stack:

        async def opened(path: Path | None, **options: object) -> Database:
            database = await open_database(path, **options)  # type: ignore[arg-type]
            database.start()
            stack.push_async_callback(database.close)
            return database

        yield opened


async def made(path: Path, rows: int = 0) -> bytes:
    """A closed database with some rows; its bytes."""
    database = await open_database(path)
    database.start()
    for number in range(rows):
        await database.write([("INSERT INTO meta VALUES (?, ?)", (f"key-{number}", "x" * 1000))])
    await database.close()
    return path.read_bytes()


async def scalar(database: Database, sql: str) -> object:
    return await database.read(lambda raw: raw.execute(sql).fetchone()[0])


async def refused(path: Path, **options: object) -> str:
    with pytest.raises(CannotOpen) as caught:
        await open_database(path, **options)  # type: ignore[arg-type]
    assert caught.value.hint
    assert not Path(f"{path}.lock").exists()
    return caught.value.message


async def test_a_new_file_is_made_with_our_name_and_version(tmp_path: Path, open_: Open) -> None:
    database = await open_(tmp_path / "dev.db")
    assert await scalar(database, "PRAGMA application_id") == APPLICATION_ID
    assert await scalar(database, "PRAGMA user_version") == CURRENT_VERSION
    assert await scalar(database, "PRAGMA journal_mode") == "wal"


async def test_what_was_committed_is_there_again_with_the_same_identity(tmp_path: Path, open_: Open) -> None:
    path = tmp_path / "dev.db"
    first = await open_database(path)
    first.start()
    await first.write([("INSERT INTO meta VALUES ('k', 'v')", ())])
    await first.close()
    second = await open_(path)
    assert await scalar(second, "SELECT value FROM meta WHERE key = 'k'") == "v"
    assert second.identity == first.identity != ""


@pytest.mark.parametrize(("durability", "synchronous"), [("full", 2), ("normal", 1)])
async def test_durability_is_what_sqlite_says_it_is(
    tmp_path: Path, open_: Open, durability: Literal["full", "normal"], synchronous: int
) -> None:
    database = await open_(tmp_path / "dev.db", durability=durability)
    assert await database.writer.run(lambda raw: raw.execute("PRAGMA synchronous").fetchone()[0]) == synchronous
    assert database.durability == durability


async def test_memory_is_one_connection_for_reading_and_writing(open_: Open) -> None:
    database = await open_(None)
    await database.write([("INSERT INTO meta VALUES ('k', 'v')", ())])
    assert await scalar(database, "SELECT value FROM meta WHERE key = 'k'") == "v"
    assert database.durability == "memory"


async def test_the_reader_cannot_write(tmp_path: Path, open_: Open) -> None:
    database = await open_(tmp_path / "dev.db")
    with pytest.raises(Unavailable, match="readonly"):
        await database.read(lambda raw: raw.execute("DELETE FROM meta"))


async def test_a_pragma_is_applied_and_one_that_is_ours_is_refused(tmp_path: Path, open_: Open) -> None:
    database = await open_(tmp_path / "dev.db", pragmas={"wal_autocheckpoint": "77", "journal_mode": "WAL"})
    assert await database.writer.run(lambda raw: raw.execute("PRAGMA wal_autocheckpoint").fetchone()[0]) == 77
    assert "decides journal_mode itself" in await refused(tmp_path / "b.db", pragmas={"journal_mode": "delete"})
    assert "NAME=VALUE" in await refused(tmp_path / "b.db", pragmas={"cache_size": "1; DROP TABLE meta"})


# -- one server for one file ----------------------------------------------------------------------------------------


async def test_a_second_server_is_told_which_pid_holds_the_file(tmp_path: Path, open_: Open) -> None:
    path = tmp_path / "dev.db"
    await open_(path)
    link = tmp_path / "link.db"
    link.symlink_to(path)
    for name in (path, link):
        with pytest.raises(CannotOpen, match=f"in use by the server with pid {os.getpid()}"):
            await open_database(name)


async def test_the_lock_of_a_killed_server_heals(tmp_path: Path, open_: Open) -> None:
    path = tmp_path / "dev.db"
    script = (
        "import asyncio, os, pathlib, signal, sys\n"
        "from wfctl.devserver.storage.open import open_database\n"
        "async def main():\n"
        "    database = await open_database(pathlib.Path(sys.argv[1]))\n"
        "    database.start()\n"
        "    await database.write([(\"INSERT INTO meta VALUES ('k', 'v')\", ())])\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, str(path))
    assert await process.wait() == -9
    assert Path(f"{path}.lock").exists()
    database = await open_(path)
    assert await scalar(database, "SELECT value FROM meta WHERE key = 'k'") == "v"


async def test_a_closed_database_leaves_nothing_but_its_file(tmp_path: Path) -> None:
    await made(tmp_path / "dev.db", rows=3)
    assert [entry.name for entry in tmp_path.iterdir()] == ["dev.db"]


async def test_a_file_that_was_killed_while_it_was_made_is_made_again(tmp_path: Path, open_: Open) -> None:
    path = tmp_path / "dev.db"
    script = (
        "import os, sqlite3, sys\n"
        "from wfctl.devserver.storage.file_check import APPLICATION_ID\n"
        "raw = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "raw.execute('PRAGMA cache_size = 1')\n"
        "raw.execute('BEGIN IMMEDIATE')\n"
        "raw.execute(f'PRAGMA application_id = {APPLICATION_ID}')\n"
        "for number in range(50):\n"
        "    raw.execute(f'CREATE TABLE t{number} (x)')\n"
        "    raw.execute(f'INSERT INTO t{number} VALUES (zeroblob(9000))')\n"
        "os.kill(os.getpid(), 9)\n"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, str(path))
    assert await process.wait() == -9
    assert path.stat().st_size > 0
    assert Path(f"{path}-journal").stat().st_size > 0
    database = await open_(path)
    assert await scalar(database, "SELECT count(*) FROM sqlite_schema WHERE name GLOB 't[0-9]*'") == 0
    assert await scalar(database, "PRAGMA application_id") == APPLICATION_ID


# -- refused as it lies ---------------------------------------------------------------------------------------------


async def test_a_file_that_is_no_database_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("shopping list\n" * 100)
    before = path.read_bytes()
    assert "is not a database" in await refused(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("table", "sentence"),
    [("bookmarks", "of another program"), ("executions_visibility", "database of `temporal server start-dev`")],
)
async def test_the_database_of_another_program_is_refused_untouched(tmp_path: Path, table: str, sentence: str) -> None:
    path = tmp_path / "other.db"
    other = sqlite3.connect(path)
    other.execute(f"CREATE TABLE {table} (x)")
    other.close()
    before = path.read_bytes()
    assert sentence in await refused(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["other.db"]


async def test_a_truncated_file_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "dev.db"
    whole = await made(path, rows=30)
    for length in (50, 4096, len(whole) - 1, len(whole) // 2):
        path.write_bytes(whole[:length])
        assert "is cut short" in await refused(path)
        assert path.read_bytes() == whole[:length]


async def test_a_truncated_file_is_refused_although_it_has_a_log(tmp_path: Path) -> None:
    path, copy = tmp_path / "dev.db", tmp_path / "copy.db"
    await made(path, rows=30)
    database = await open_database(path)
    database.start()
    await database.write([("INSERT INTO meta VALUES ('k', 'v')", ())])
    copy.write_bytes(path.read_bytes()[:-8192])
    log = Path(f"{path}-wal").read_bytes()
    Path(f"{copy}-wal").write_bytes(log)
    await database.close()
    assert "is cut short" in await refused(copy)
    assert Path(f"{copy}-wal").read_bytes() == log


async def test_pages_that_are_only_in_the_log_are_not_missed(tmp_path: Path, open_: Open) -> None:
    path, copy = tmp_path / "dev.db", tmp_path / "copy.db"
    database = await open_(path)
    for number in range(30):
        await database.write([("INSERT INTO meta VALUES (?, ?)", (f"key-{number}", "x" * 1000))])
    copy.write_bytes(path.read_bytes())
    Path(f"{copy}-wal").write_bytes(Path(f"{path}-wal").read_bytes())
    copied = await open_(copy)
    assert await scalar(copied, "SELECT count(*) FROM meta WHERE key LIKE 'key-%'") == 30


async def test_what_is_left_in_the_log_of_a_transaction_that_was_taken_back_is_no_missing_page(
    tmp_path: Path, open_: Open
) -> None:
    path, copy = tmp_path / "dev.db", tmp_path / "copy.db"
    database = await open_(path)
    for number in range(30):
        await database.write([("INSERT INTO meta VALUES (?, ?)", (f"key-{number}", "x" * 1000))])
    log = bytearray(Path(f"{path}-wal").read_bytes())
    size = 4096 + 24
    pages = path.stat().st_size // 4096 + 40
    left_over = struct.pack(">II", pages, pages) + log[16:24] + bytes(8) + bytes(4096)  # a commit, by its looks
    copy.write_bytes(path.read_bytes())
    Path(f"{copy}-wal").write_bytes(log[: 32 + (len(log) - 32) // size * size] + left_over)
    copied = await open_(copy)
    assert await scalar(copied, "SELECT count(*) FROM meta WHERE key LIKE 'key-%'") == 30


async def test_a_log_without_its_database_is_refused_untouched(tmp_path: Path, open_: Open) -> None:
    path, orphan = tmp_path / "dev.db", tmp_path / "gone.db"
    database = await open_(path)
    await database.write([("INSERT INTO meta VALUES ('k', 'v')", ())])
    log = Path(f"{orphan}-wal")
    log.write_bytes(Path(f"{path}-wal").read_bytes())
    before = log.read_bytes()
    assert "is missing, but its write-ahead log" in await refused(orphan)
    orphan.touch()
    assert "is empty, but its write-ahead log" in await refused(orphan)
    assert log.read_bytes() == before


async def test_a_damaged_page_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "dev.db"
    data = bytearray(await made(path, rows=30))
    data[-4096 * 3 : -4096 * 2] = os.urandom(4096)
    path.write_bytes(data)
    assert "is damaged" in await refused(path)
    assert path.read_bytes() == bytes(data)


async def test_a_full_disk_is_refused_and_no_lock_is_left(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    if not mounted(place):
        pytest.skip("a file system cannot be mounted here")
    try:
        with contextlib.suppress(OSError), (place / "fill").open("wb", buffering=0) as fill:
            while fill.write(b"x" * 4096):
                pass
        assert "cannot be written to: No space left on device" in await refused(place / "dev.db")
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)  # noqa: ASYNC221


async def test_a_directory_or_a_missing_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert "is a directory" in await refused(tmp_path / "folder")
    assert "does not exist" in await refused(tmp_path / "nowhere" / "dev.db")


async def test_a_pipe_or_a_device_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/null")):
        assert "is a device or a pipe" in await refused(path)


MOUNTS = """\
22 1 253:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:40 / {place}/net\\040work rw,relatime - {kind} server:/export rw
31 22 0:41 / {place}/memory rw shared:2 master:3 - tmpfs none rw
"""


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "9p", "fuse.sshfs"])
async def test_a_network_file_system_is_refused_untouched(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "net work"
    place.mkdir()
    before = await made(place / "dev.db")
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS.format(place=os.path.realpath(tmp_path), kind=kind))
    monkeypatch.setattr(file_system, "MOUNTS", mounts)
    monkeypatch.setattr(sys, "platform", "linux")
    assert f"is on a network file system ({kind} at {place.resolve()})" in await refused(place / "dev.db")
    assert (place / "dev.db").read_bytes() == before
    await made(tmp_path / "net work.db")


async def test_a_file_that_lies_in_memory_is_warned_of_when_it_is_to_be_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, open_: Open
) -> None:
    (tmp_path / "memory").mkdir()
    (tmp_path / "mountinfo").write_text(MOUNTS.format(place=os.path.realpath(tmp_path), kind="nfs"))
    monkeypatch.setattr(file_system, "MOUNTS", tmp_path / "mountinfo")
    monkeypatch.setattr(sys, "platform", "linux")
    await open_(tmp_path / "memory" / "a.db", durability="normal")
    assert not caplog.messages
    await open_(tmp_path / "memory" / "b.db")
    assert "is kept in memory (tmpfs at" in caplog.text


def test_macos_tells_its_mounts_in_lines() -> None:
    told = "/dev/disk3s1 on / (apfs, sealed, local)\n//me@nas/share on /Volumes/on (it) (smbfs, nodev, mounted by me)\n"
    assert file_system.parse_mount(told) == [
        file_system.FileSystem("apfs", "/"),
        file_system.FileSystem("smbfs", "/Volumes/on (it)"),
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_read_only_directory_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert "cannot be written to" in await refused(tmp_path / "dev.db")
    tmp_path.chmod(0o700)


async def test_a_read_only_file_system_is_refused_and_can_be_looked_at(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    if not mounted(place):
        pytest.skip("a file system cannot be mounted here")
    try:
        await made(place / "dev.db", rows=3)
        crashed = await open_database(place / "live.db")
        crashed.start()
        await crashed.write([("INSERT INTO meta VALUES ('k', 'v')", ())])
        for end in ("", "-wal"):
            shutil.copy(place / f"live.db{end}", place / f"crashed.db{end}")
        await crashed.close()
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)  # noqa: ASYNC221
        assert "cannot be written to: Read-only file system" in await refused(place / "dev.db")
        assert facts(place / "dev.db").open_runs == 0
        with pytest.raises(CannotOpen, match="has changes in its log") as caught:
            facts(place / "crashed.db")
        assert caught.value.hint.startswith("copy both to a place where it may")
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)  # noqa: ASYNC221


def mounted(place: Path) -> bool:
    """A small file system of its own; only root may have one."""
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(place)]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


# -- versions -------------------------------------------------------------------------------------------------------


async def test_a_newer_schema_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "dev.db"
    database = await open_database(path, versions=(*VERSIONS, "CREATE TABLE later (x);\n"))
    await database.close()
    before = path.read_bytes()
    assert "written by a newer wfctl" in await refused(path)
    assert path.read_bytes() == before


async def test_an_older_schema_is_migrated_after_a_backup(tmp_path: Path, open_: Open) -> None:
    path = tmp_path / "dev.db"
    await made(path, rows=3)
    versions = (*VERSIONS, "CREATE TABLE later (x);\nINSERT INTO later VALUES (1);\n")
    database = await open_(path, versions=versions)
    assert await scalar(database, "SELECT x FROM later") == 1
    assert await scalar(database, "PRAGMA user_version") == len(versions)
    backup = sqlite3.connect(f"{path}.v{CURRENT_VERSION}.bak")
    assert backup.execute("PRAGMA user_version").fetchone() == (CURRENT_VERSION,)
    assert backup.execute("SELECT count(*) FROM meta WHERE key LIKE 'key-%'").fetchone() == (3,)
    backup.close()


async def test_a_failed_migration_leaves_the_file_at_its_old_version(tmp_path: Path, open_: Open) -> None:
    path = tmp_path / "dev.db"
    await made(path, rows=3)
    versions = (*VERSIONS, "CREATE TABLE later (x);\nINSERT INTO nowhere VALUES (1);\n")
    assert "could not be brought from schema version" in await refused(path, versions=versions)
    database = await open_(path)
    assert await scalar(database, "SELECT count(*) FROM meta WHERE key LIKE 'key-%'") == 3
    assert await scalar(database, "SELECT count(*) FROM sqlite_schema WHERE name = 'later'") == 0
