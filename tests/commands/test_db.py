"""`wfctl db` as a person calls it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.commands.conftest import Run
from tests.support.inprocess import in_process
from wfctl.errors import ExitCode


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    path = tmp_path / "dev.db"
    async with in_process(db_path=path) as server:
        await server.start("a")
        await server.terminate("a")
    return path


def test_info_says_how_much_there_is(run: Run, path: Path) -> None:
    told = run("db", "info", "-f", str(path))
    assert told.code == ExitCode.OK
    assert "0 open (0 with work waiting), 1 closed" in told.out
    assert "3 in 2 batches" in told.out
    facts = json.loads(run("db", "info", "-f", str(path), "-o", "json").out)
    assert facts["closed_runs"] == 1
    assert facts["journal_mode"] == "wal"


def test_a_sound_database_is_called_sound(run: Run, path: Path) -> None:
    told = run("db", "check", "-f", str(path))
    assert told.code == ExitCode.OK
    assert "is sound: 1 run with 3 events" in told.out
    assert json.loads(run("db", "check", "-f", str(path), "-o", "json").out)["problems"] == []


def test_a_damaged_one_fails_with_the_workflow_and_what_is_wrong(run: Run, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE executions SET status = 1")
        connection.commit()
    told = run("db", "check", "-f", str(path))
    assert told.code == ExitCode.FAILED
    assert "a (" in told.out
    assert "its row says RUNNING, its history TERMINATED" in told.out
    assert "error: " in told.err
    found = json.loads(run("db", "check", "-f", str(path), "-o", "json").out)["problems"]
    assert found[0]["workflow_id"] == "a"


def test_a_backup_can_be_checked(run: Run, path: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    assert run("db", "backup", str(target), "-f", str(path)).code == ExitCode.OK
    assert "is sound" in run("db", "check", "-f", str(target)).out
    again = run("db", "backup", str(target), "-f", str(path))
    assert again.code == ExitCode.ALREADY_EXISTS
    assert "exists already" in again.err


@pytest.mark.parametrize("command", [("info",), ("check",), ("backup", "copy.db")])
def test_a_file_that_is_not_there_is_not_found(run: Run, command: tuple[str, ...], tmp_path: Path) -> None:
    told = run("db", *command, "-f", str(tmp_path / "nowhere.db"))
    assert told.code == ExitCode.NOT_FOUND
    assert "nowhere.db does not exist" in told.err
    assert "hint: " in told.err


def test_a_backup_into_a_directory_that_is_not_there_says_so(run: Run, path: Path, tmp_path: Path) -> None:
    told = run("db", "backup", str(tmp_path / "no" / "copy.db"), "-f", str(path))
    assert told.code == ExitCode.FAILED
    assert "cannot write" in told.err
