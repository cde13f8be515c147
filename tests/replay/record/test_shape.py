"""Paths: which runs are the same, and which of many are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.replay.building import as_json, event, one_activity
from wfctl.replay import reading
from wfctl.replay.corpus.selecting import Pool
from wfctl.replay.corpus.shape import Shape, folded, shape_of
from wfctl.replay.sources import StoredHistory

HISTORIES = Path(__file__).parents[1] / "corpus" / "histories"


def of(name: str) -> Shape:
    (history,) = reading.read(StoredHistory(name, path=str(HISTORIES / f"{name}.json")))
    assert isinstance(history, reading.ReadHistory)
    return shape_of(history.events)


def of_events(events: list[dict[str, Any]]) -> Shape:
    (history,) = reading.read(StoredHistory("x", text=as_json(events).encode()))
    assert isinstance(history, reading.ReadHistory)
    return shape_of(history.events)


def test_a_shape_tells_type_outcome_steps_and_sdk() -> None:
    shape = of("saga-ships")
    assert (shape.workflow_type, shape.outcome) == ("OrderSaga", "Completed")
    assert shape.path[0] == "SCHEDULE_ACTIVITY_TASK reserve"
    assert shape.path[-1] == "COMPLETE_WORKFLOW_EXECUTION"
    assert shape.sdk.startswith("temporal-python ")


def test_patches_signals_and_retries_are_part_of_it() -> None:
    assert of("billing-new").patches
    assert not of("billing-old").patches
    assert of("billing-new").key != of("billing-old").key
    assert "command" in of("subscription-paused").signals
    assert of("saga-flaky").retried
    assert of("saga-flaky").key != of("saga-ships").key


def test_ids_values_and_times_are_not_part_of_it() -> None:
    one, other = one_activity(), one_activity(workflow_id="another", run_id="run-9")
    other[0]["eventTime"] = "2026-05-05T00:00:00Z"
    assert of_events(one).key == of_events(other).key


def test_an_open_run_and_a_closed_one_are_different_paths() -> None:
    assert of_events(one_activity()).key != of_events(one_activity()[:7]).key
    assert of_events(one_activity()[:7]).outcome == "Running"


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("a b c", ["a", "b", "c"]),
        ("a a a b", ["(a)+", "b"]),
        ("a b a b a b c", ["(a, b)+", "c"]),
        ("x a b c a b c", ["x", "(a, b, c)+"]),
        ("", []),
    ],
)
def test_what_repeats_is_folded(steps: str, expected: list[str]) -> None:
    assert folded(steps.split()) == expected


def test_a_loop_of_five_and_one_of_seven_are_the_same_path_and_one_of_one_is_another() -> None:
    def path(rounds: int) -> list[str]:
        return folded([*["activity", "timer"] * rounds, "end"])

    assert path(5) == path(7)
    assert path(1) != path(5)


def test_one_run_of_each_path_is_kept_the_shortest_first() -> None:
    pool: Pool[str] = Pool()
    longer = [
        *one_activity()[:7],
        event(8, "WorkflowTaskScheduled"),
        event(9, "WorkflowTaskStarted", scheduledEventId="8"),
    ]
    pool.add(of_events(one_activity()), "a")
    pool.add(of_events(one_activity(workflow_id="b")), "b")
    pool.add(of_events(longer), "longer")
    pool.add(of_events(one_activity()[:7]), "short")
    kept, left = pool.chosen(0)
    assert sorted((one.run, one.stands_for) for one in kept) == [("a", 2), ("short", 2)]
    assert left == []


def test_when_there_are_too_many_every_outcome_is_kept_before_a_second_path_of_one() -> None:
    pool: Pool[str] = Pool()
    for file in sorted(HISTORIES.glob("approval-*.json")):
        pool.add(of(file.stem), file.stem)
    outcomes = {one.shape.outcome for one in pool.by_path.values()}
    kept, left = pool.chosen(len(outcomes))
    assert {one.shape.outcome for one in kept} == outcomes
    assert left
