"""Every history of the corpus against every changed version of its workflow: verdict, event, rule and line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import pytest

from tests.replay.corpus import table
from tests.replay.corpus.changes import CHANGES, HISTORIES, Change
from tests.replay.corpus.expect import expected
from tests.replay.corpus.judge import HERE, histories_of, load, name_of
from tests.support.server import ROOT
from wfctl.replay.catalogue import RULES
from wfctl.replay.model import Severity
from wfctl.replay.reading import ReadHistory

Line = Mapping[str, Any]


@pytest.fixture(scope="module")
def judged() -> Mapping[str, Sequence[Line]]:
    """One process judges them all; a blocked workflow in it must not be able to end the tests."""
    done = subprocess.run(
        [sys.executable, str(HERE / "judge.py")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    by_change: dict[str, list[Line]] = {change.name: [] for change in CHANGES}
    for line in map(json.loads, done.stdout.splitlines()):
        by_change[line["change"]].append(line)
    return by_change


@cache
def history(name: str) -> ReadHistory:
    return load(next(file for file in (HERE / "histories").iterdir() if name_of(file) == name))


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_a_changed_workflow_is_judged_as_expected(change: Change, judged: Mapping[str, Sequence[Line]]) -> None:
    lines = judged[change.name]
    assert lines, "no history was judged"
    for line in lines:
        wanted = expected(change, line["history"], history(line["history"]).events)
        place = f"{change.name} / {line['history']}: {line['message']}"
        assert (line["verdict"], line["rule"], line["event_id"]) == (
            wanted.verdict,
            wanted.rule,
            wanted.event_id,
        ), place
        assert wanted.line in line["text"], place
        if wanted.verdict == "compatible":
            assert _first_of_each(line["warnings"]) == wanted.warnings, place


def _first_of_each(warnings: Sequence[tuple[str, int]]) -> frozenset[tuple[str, int]]:
    first: dict[str, int] = {}
    for rule, event_id in warnings:
        first[rule] = min(event_id, first.get(rule, event_id))
    return frozenset(first.items())


def test_every_history_was_tried(judged: Mapping[str, Sequence[Line]]) -> None:
    tried = {line["history"] for lines in judged.values() for line in lines}
    assert tried == {name_of(file) for file in (HERE / "histories").iterdir()}


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len(HISTORIES) >= 12
    assert len(list((HERE / "histories").iterdir())) >= 60
    assert len(CHANGES) >= 80
    assert max(len(history(name_of(file)).events) for file in (HERE / "histories").iterdir()) >= 3000
    assert all(histories_of(change) for change in CHANGES)


def test_every_expected_rule_is_in_the_catalogue() -> None:
    for change in CHANGES:
        assert all(RULES[one.rule].severity is Severity.ERROR for one in change.outcomes)
        assert all(RULES[one.rule].severity is Severity.WARNING for one in change.warned)


def test_the_table_in_the_documents_is_up_to_date() -> None:
    assert table.TABLE.read_text() == table.text(), "run tests/replay/corpus/table.py --write"
