"""A database looked at and copied while its server runs, and refused with a sentence when it is not one."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.inprocess import in_process
from wfctl.devserver.storage.checkup import Checked, examine
from wfctl.devserver.storage.file_check import CannotOpen
from wfctl.devserver.storage.inspection import back_up, facts, open_to_look


def nobody_looks(done: int, total: int) -> None:
    pass


def size_of_meta(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM meta").fetchone()[0])


async def test_facts_count_what_is_there_and_name_the_server(tmp_path: Path) -> None:
    path = tmp_path / "dev.db"
    async with in_process(db_path=path) as server:
        await server.start("a")
        await server.start("b")
        await server.terminate("b")
        found = facts(path)
        assert (found.open_runs, found.closed_runs, found.waiting_runs) == (1, 1, 1)
        assert found.events == 2 + 3
        assert found.longest_history == 3
        assert found.server_pid == os.getpid()
        assert found.journal_mode == "wal"
    assert facts(path).server_pid is None


async def test_a_copy_made_while_the_server_writes_is_one_moment_of_it_and_sound(tmp_path: Path) -> None:
    path, target = tmp_path / "dev.db", tmp_path / "copy.db"
    async with in_process(db_path=path) as server:
        for number in range(20):
            await server.start(f"before-{number}")
        writing = asyncio.gather(*(server.start(f"meanwhile-{number}") for number in range(200)))
        size = await asyncio.to_thread(back_up, path, target, nobody_looks)
        await writing
    assert size == target.stat().st_size
    checked = Checked()
    with open_to_look(target) as connection:
        assert list(examine(connection, checked, nobody_looks)) == []
    assert checked.runs >= 20
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["copy.db", "dev.db"]


async def test_a_server_goes_on_from_a_copy(tmp_path: Path) -> None:
    path, target = tmp_path / "dev.db", tmp_path / "copy.db"
    async with in_process(db_path=path) as server:
        await server.start("a")
        await asyncio.to_thread(back_up, path, target, nobody_looks)
    async with in_process(db_path=target) as copy:
        assert copy.server.recovered == 1
        await copy.terminate("a")


async def test_a_copy_never_replaces_a_file(tmp_path: Path) -> None:
    path, target = tmp_path / "dev.db", tmp_path / "copy.db"
    async with in_process(db_path=path):
        pass
    target.write_text("precious")
    with pytest.raises(FileExistsError):
        back_up(path, target, nobody_looks)
    assert target.read_text() == "precious"
    assert not Path(f"{target}.tmp").exists()


async def test_a_file_without_a_log_can_be_read_where_nothing_may_be_written(tmp_path: Path) -> None:
    path = tmp_path / "dev.db"
    async with in_process(db_path=path) as server:
        await server.start("a")
    tmp_path.chmod(0o500)
    try:
        assert facts(path).open_runs == 1
    finally:
        tmp_path.chmod(0o700)


def test_a_missing_an_empty_and_a_foreign_file_are_refused_and_left_alone(tmp_path: Path) -> None:
    missing, empty, text = tmp_path / "missing.db", tmp_path / "empty.db", tmp_path / "text.db"
    empty.touch()
    text.write_text("not a database at all\n" * 100)
    for path, sentence in ((missing, "does not exist"), (empty, "is empty"), (text, "is not a database")):
        with pytest.raises(CannotOpen, match=sentence), open_to_look(path):
            pass
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["empty.db", "text.db"]
