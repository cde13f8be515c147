"""Two histories side by side: what counts as the same, where runs part, and whose doing that was."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from temporalio.api.common.v1 import ActivityType, WorkflowType
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.taskqueue.v1 import TaskQueue

from tests.commands.samples import event, failed_order, json_payloads, lasting
from wfctl.view import diff
from wfctl.view.diff import compare, run_before

_TYPES = {"a": "charge", "b": "ship", "c": "refund"}


def scheduled(names: str, first_id: int = 1) -> list[Any]:
    """A history of activities by letter."""
    return [
        event(number, "ACTIVITY_TASK_SCHEDULED", number, activity_type=ActivityType(name=_TYPES[name]))
        for number, name in enumerate(names, first_id)
    ]


def kinds(left: list[Any], right: list[Any]) -> str:
    marks = {"same": "=", "changed": "~", "left": "<", "right": ">"}
    return "".join(marks[pair.match] for pair in compare(left, right).pairs)


def test_a_history_is_the_same_as_itself() -> None:
    found = compare(failed_order(), failed_order())
    assert found.is_same
    assert found.sentence() == "Both did the same, in 8 steps."


def test_what_differs_by_nature_is_no_difference() -> None:
    other = failed_order()
    for made in other:
        made.event_id += 3
        made.event_time.seconds += 900
    other[8].activity_task_started_event_attributes.identity = "another@host"
    for number in (8, 9):
        which = other[number].WhichOneof("attributes")
        assert which is not None
        getattr(other[number], which).scheduled_event_id += 3
    other[6].timer_fired_event_attributes.started_event_id += 3
    assert compare(failed_order(), other).is_same


def test_ids_made_from_the_own_workflow_id_are_alike() -> None:
    def family(workflow_id: str) -> list[Any]:
        return [
            event(1, "WORKFLOW_EXECUTION_STARTED", 0, workflow_id=workflow_id),
            event(2, "START_CHILD_WORKFLOW_EXECUTION_INITIATED", 0, workflow_id=f"{workflow_id}/ship"),
        ]

    assert compare(family("order-1"), family("order-2")).is_same


def test_other_values_are_told_apart_from_other_steps() -> None:
    left = event(1, "ACTIVITY_TASK_SCHEDULED", 0, activity_type=ActivityType(name="charge"), input=json_payloads("12"))
    right = event(1, "ACTIVITY_TASK_SCHEDULED", 0, activity_type=ActivityType(name="charge"), input=json_payloads("13"))
    found = compare([left], [right])
    assert [pair.match for pair in found.pairs] == ["changed"]
    assert [(change.path, change.left, change.right) for change in found.changes(found.pairs[0])] == [
        ("input", "12", "13")
    ]
    assert (
        found.sentence() == "Both took the same steps; values differ, first at ActivityTaskScheduled charge, event 1."
    )


def test_a_step_more_is_only_that_and_what_follows_is_aligned_again() -> None:
    assert kinds(scheduled("aabc"), scheduled("aacbc")) == "==>=="


def test_code_that_decides_otherwise_is_named_as_the_reason() -> None:
    found = compare(scheduled("ab"), scheduled("ac"))
    assert found.first_parting == 1
    assert found.sentence() == (
        "They part: the left has ActivityTaskScheduled ship, event 2; the right has ActivityTaskScheduled refund, "
        "event 2. Until there all was equal, so the code decided otherwise: another version, or not deterministic."
    )


def test_an_answer_of_the_world_is_named_as_the_reason() -> None:
    completed = event(2, "ACTIVITY_TASK_COMPLETED", 2, scheduled_event_id=1)
    failed = event(2, "ACTIVITY_TASK_FAILED", 2, scheduled_event_id=1)
    found = compare([*scheduled("a"), completed], [*scheduled("a"), failed])
    assert found.sentence().endswith("Until there all was equal: something else happened to it.")


def test_a_reset_is_named_as_the_reason() -> None:
    reset = event(
        2,
        "WORKFLOW_TASK_FAILED",
        2,
        cause=WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW,
        base_run_id="before",
        new_run_id="now",
    )
    found = compare(scheduled("ab"), [*scheduled("a"), reset, *scheduled("b", 3)])
    assert found.sentence().endswith("the right was reset at that point.")


def test_a_run_that_is_not_so_far_yet_is_no_contradiction() -> None:
    found = compare(scheduled("a"), scheduled("ab"))
    assert "the left has no more events" in found.sentence()


def test_workflow_tasks_that_went_well_are_left_out_unless_asked_for() -> None:
    assert len(compare(failed_order(), failed_order()).pairs) == 8
    assert len(compare(failed_order(), failed_order(), tasks=True).pairs) == 11


def test_numbered_ids_say_nothing_and_chosen_ones_do() -> None:
    def timer(name: str) -> list[Any]:
        return [event(1, "TIMER_STARTED", 0, timer_id=name, start_to_fire_timeout=lasting(5))]

    assert compare(timer("5"), timer("8")).is_same
    assert not compare(timer("grace"), timer("deadline")).is_same


def test_the_own_task_queue_is_said_once() -> None:
    def run(queue: str) -> list[Any]:
        name = TaskQueue(name=queue)
        return [
            event(1, "WORKFLOW_EXECUTION_STARTED", 0, workflow_type=WorkflowType(name="Order"), task_queue=name),
            event(2, "ACTIVITY_TASK_SCHEDULED", 0, activity_type=ActivityType(name="charge"), task_queue=name),
        ]

    assert kinds(run("blue"), run("green")) == "~="


def test_the_run_before_is_the_one_that_was_reset_or_continued() -> None:
    continued = [event(1, "WORKFLOW_EXECUTION_STARTED", 0, continued_execution_run_id="first")]
    assert run_before(continued) == "first"
    reset = event(
        2,
        "WORKFLOW_TASK_FAILED",
        2,
        cause=WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW,
        base_run_id="reset-from",
        new_run_id="now",
    )
    assert run_before([*continued, reset]) == "reset-from"
    assert run_before(failed_order()) == ""


def test_an_empty_history_can_be_compared() -> None:
    assert kinds([], scheduled("ab")) == ">>"
    assert compare([], []).is_same


@pytest.mark.parametrize("most_edits", [3, 120])
@settings(deadline=None, max_examples=60)
@given(left=st.text("abc", max_size=14), right=st.text("abc", max_size=14))
def test_alignment_keeps_both_orders_and_finds_the_most_in_common(most_edits: int, left: str, right: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(diff, "_MOST_EDITS", most_edits)
        pairs = compare(scheduled(left), scheduled(right)).pairs
    assert [pair.left.row.event_id for pair in pairs if pair.left] == list(range(1, len(left) + 1))
    assert [pair.right.row.event_id for pair in pairs if pair.right] == list(range(1, len(right) + 1))
    assert all(pair.left.key == pair.right.key for pair in pairs if pair.left and pair.right)
    if most_edits > len(left) + len(right):
        assert sum(1 for pair in pairs if pair.left and pair.right) == _longest_in_common(left, right)


def _longest_in_common(left: str, right: str) -> int:
    lengths = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            lengths[i + 1][j + 1] = lengths[i][j] + 1 if a == b else max(lengths[i][j + 1], lengths[i + 1][j])
    return lengths[-1][-1]
