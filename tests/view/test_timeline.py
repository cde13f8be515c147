"""Timelines, failures, reasons to wait, and trees: what is made of events."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.common.v1 import WorkflowType
from temporalio.api.enums.v1 import TimeoutType
from temporalio.api.failure.v1 import CanceledFailureInfo, Failure, TimeoutFailureInfo
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.sdk.v1 import UserMetadata
from temporalio.api.workflow.v1 import WorkflowExecutionPauseInfo
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse

from tests.commands import samples
from wfctl.view.failures import failure_text, failure_title, root_cause
from wfctl.view.timeline import EventRow, Timeline
from wfctl.view.tree import Node, branches
from wfctl.view.waiting import Surroundings, last_workflow_task_failure, open_timers, why_it_waits

NOW = samples.START + timedelta(hours=1)


def rows(events: list[HistoryEvent]) -> list[EventRow]:
    timeline = Timeline()
    return [timeline.row(event) for event in events]


def test_each_event_says_how_long_after_the_one_before_it_came() -> None:
    gaps = [row.gap.total_seconds() for row in rows(samples.failed_order())]
    assert gaps[:7] == [0, 0, 0.004, 0.008, 0, 30.488, 59.512]


def test_what_ends_something_has_its_name_and_time() -> None:
    fired = next(row for row in rows(samples.failed_order()) if row.type == "TimerFired")
    assert (fired.subject, fired.took) == ("timer 1 (1m 30s)", timedelta(seconds=90))
    failed = next(row for row in rows(samples.failed_order()) if row.type == "ActivityTaskFailed")
    assert (failed.subject, failed.took) == ("charge (id 1)", timedelta(seconds=3.48))
    started = next(row for row in rows(samples.failed_order()) if row.type == "ActivityTaskStarted")
    assert (started.detail, started.took) == ("attempt 2  by worker@host", None)


def test_a_summary_is_shown_beside_what_it_sums_up() -> None:
    event = samples.event(1, "TIMER_STARTED", 0, timer_id="1", start_to_fire_timeout=samples.lasting(1))
    event.user_metadata.CopyFrom(UserMetadata(summary=samples.json_payload('"cool down"')))
    assert rows([event])[0].text == "timer 1 (1s) “cool down”"


@pytest.mark.parametrize("number", range(1, 60))
def test_every_event_type_can_be_shown(number: int) -> None:
    from temporalio.api.enums.v1 import EventType

    if number not in EventType.values():
        return
    event = HistoryEvent(event_id=1, event_type=number)  # type: ignore[arg-type]
    field = f"{EventType.Name(number).removeprefix('EVENT_TYPE_').lower()}_event_attributes"  # type: ignore[arg-type]
    if field in HistoryEvent.DESCRIPTOR.fields_by_name:
        getattr(event, field).SetInParent()
    assert rows([event])[0].type
    Node("workflow", "w").take(event)


# Failures.


def test_a_failure_is_told_with_its_causes() -> None:
    assert failure_text(samples.activity_failed()) == (
        "activity charge (id 1): Activity task failed\n"
        "  caused by Declined: card declined (not retryable)\n"
        '        File "saga.py", line 12, in charge\n'
        "          raise Declined"
    ).replace("        File", "      File").replace("          raise", "        raise")
    assert failure_title(root_cause(samples.activity_failed())) == "Declined: card declined (not retryable)"


@pytest.mark.parametrize(
    ("failure", "title"),
    [
        (Failure(message="plain"), "failure: plain"),
        (
            Failure(
                message="late",
                timeout_failure_info=TimeoutFailureInfo(timeout_type=TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE),
            ),
            "start-to-close timeout: late",
        ),
        (Failure(canceled_failure_info=CanceledFailureInfo()), "canceled"),
    ],
)
def test_each_kind_of_failure_has_its_words(failure: Failure, title: str) -> None:
    assert failure_title(failure) == title


# Why it waits.


def reasons(description: DescribeWorkflowExecutionResponse, **around: Any) -> list[str]:
    surroundings = Surroundings(**{"pollers": {}, **around})
    return [reason.what for reason in why_it_waits(description, surroundings, NOW)]


def test_a_workflow_with_nothing_pending_waits_for_its_code() -> None:
    description = DescribeWorkflowExecutionResponse(workflow_execution_info=samples.info())
    assert reasons(description) == ["nothing is scheduled: it waits for a signal, an update or a condition in its code"]


def test_open_timers_are_those_that_neither_fired_nor_were_cancelled() -> None:
    second = samples.event(20, "TIMER_STARTED", 3540, timer_id="2", start_to_fire_timeout=samples.lasting(90))
    newest_first = list(reversed([*samples.failed_order()[:7], second]))
    timers = open_timers(newest_first)
    assert [timer.timer_id for timer in timers] == ["2"]
    description = DescribeWorkflowExecutionResponse(workflow_execution_info=samples.info())
    assert reasons(description, timers=timers) == ["timer 2 fires in 30s"]


def test_a_failing_workflow_task_comes_first_with_its_failure() -> None:
    description = samples.stuck_description()
    description.pending_workflow_task.scheduled_time.CopyFrom(samples.at(0))
    description.pending_workflow_task.attempt = 5
    failed = samples.event(4, "WORKFLOW_TASK_FAILED", 1, failure=samples.card_declined())
    found = why_it_waits(
        description, Surroundings(pollers={}, workflow_task_failure=last_workflow_task_failure([failed])), NOW
    )
    assert found[0].what == "workflow task waiting for a worker since 1h, attempt 5"
    assert found[0].details == ("last failure: Declined: card declined",)
    assert found[-1].what == "child workflow Ship (id order-1/ship)"


def test_a_paused_workflow_says_by_whom() -> None:
    description = DescribeWorkflowExecutionResponse(workflow_execution_info=samples.info())
    description.workflow_extended_info.pause_info.CopyFrom(WorkflowExecutionPauseInfo(identity="alex", reason="lunch"))
    found = why_it_waits(description, Surroundings(pollers={}), NOW)
    assert (found[0].what, found[0].details) == ("it is paused by alex", ("lunch",))


def test_a_workflow_that_has_not_begun_says_when_it_will() -> None:
    info = samples.info()
    info.history_length = 1
    info.execution_time.CopyFrom(samples.at(3660))
    description = DescribeWorkflowExecutionResponse(workflow_execution_info=info)
    assert reasons(description) == ["its first workflow task is scheduled in 1m (start delay, cron or retry)"]


# Trees.


def tree(events: list[HistoryEvent]) -> Node:
    root = Node("workflow", "?", workflow_id="order-1")
    for event in events:
        root.take(event)
    return root


def test_a_tree_has_the_state_of_every_part() -> None:
    root = tree(samples.failed_order())
    assert (root.name, root.state, root.note) == ("Order", "failed", "Declined: card declined (not retryable)")
    assert [(part.name, part.state, part.attempt) for part in root.parts] == [
        ("Timer (1m30s)", "completed", 1),
        ("charge", "failed", 2),
    ]
    assert root.age(NOW) == "(1m 33s)"


def order_with_child() -> Node:
    ship = WorkflowType(name="Ship")
    root = tree(
        [
            *samples.failed_order()[:1],
            samples.event(
                5, "START_CHILD_WORKFLOW_EXECUTION_INITIATED", 1, workflow_type=ship, workflow_id="order-1/ship"
            ),
            samples.event(
                6,
                "CHILD_WORKFLOW_EXECUTION_STARTED",
                2,
                initiated_event_id=5,
                workflow_type=ship,
                workflow_execution=samples.execution("order-1/ship", "child-run"),
            ),
            samples.event(7, "CHILD_WORKFLOW_EXECUTION_COMPLETED", 3, initiated_event_id=5, started_event_id=6),
        ]
    )
    root.parts[0].parts.append(Node("activity", "pack", state="completed"))
    return root


def test_a_child_in_a_folded_state_hides_its_parts() -> None:
    hidden = branches(order_with_child(), folded=frozenset({"completed"}))
    assert hidden[-1].text == "↳ 1 folded (--no-fold shows them)"
    shown = branches(order_with_child(), folded=frozenset())
    assert shown[-1].node is not None
    assert (shown[-1].node.name, shown[-1].depth) == ("pack", 2)
    assert shown[3].text == "id order-1/ship run child-run"
