"""Failpoints: nothing without the variable, and the ordered fault at the ordered time with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from wfctl.devserver.core.errors import Unavailable
from wfctl.devserver.storage.failpoints import VARIABLE, FaultInjected, from_environment, hits
from wfctl.devserver.storage.open import open_database


def test_without_the_variable_there_are_no_failpoints() -> None:
    assert from_environment({}) is None


def test_a_fault_comes_at_its_time_and_once() -> None:
    hit = hits("before_commit:2:io,before_begin:1:full")
    with pytest.raises(FaultInjected, match="full"):
        hit("before_begin")
    hit("before_commit")
    with pytest.raises(FaultInjected, match="I/O"):
        hit("before_commit")
    hit("before_commit")


def test_a_point_that_does_not_exist_is_a_mistake() -> None:
    with pytest.raises(AssertionError, match="points that do not exist"):
        hits("nowhere:1:kill")


@pytest.fixture
def _third_commit_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "before_commit:3:io")


@pytest.mark.usefixtures("_third_commit_fails")
async def test_a_failed_commit_leaves_nothing_and_the_next_one_succeeds(tmp_path: Path) -> None:
    database = await open_database(tmp_path / "dev.db")
    database.start()
    try:
        outcomes = []
        for number in range(4):
            try:
                await database.write([("INSERT INTO meta VALUES (?, 'x')", (f"key-{number}",))])
                outcomes.append(True)
            except Unavailable:
                outcomes.append(False)
        assert outcomes == [True, True, False, True]
        kept = await database.read(lambda raw: raw.execute("SELECT key FROM meta WHERE key LIKE 'key-%'").fetchall())
        assert sorted(kept) == [("key-0",), ("key-1",), ("key-3",)]
    finally:
        await database.close()
