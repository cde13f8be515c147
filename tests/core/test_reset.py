"""Reset: which points a run can be taken back to, and how the new run begins."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import Payloads, WorkflowExecution
from temporalio.api.enums.v1 import (
    CommandType,
    ResetReapplyExcludeType,
    ResetReapplyType,
    UpdateAdmittedEventOrigin,
    WorkflowTaskFailedCause,
)
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import (
    ChildWorkflowExecutionCompletedEventAttributes,
    ChildWorkflowExecutionStartedEventAttributes,
    StartChildWorkflowExecutionInitiatedEventAttributes,
    WorkflowExecutionUpdateAcceptedEventAttributes,
)
from temporalio.api.update.v1 import Input, Meta, Request

from tests.support.executions import (
    BEGINNING,
    QUEUE,
    complete_task,
    event_types,
    new_execution,
    rebuilt,
    started_execution,
    state,
)
from wfctl.devserver.core import reset
from wfctl.devserver.core.effects import EnqueueActivityTask, EnqueueWorkflowTask
from wfctl.devserver.core.entities import completion, signal, workflow_task
from wfctl.devserver.core.errors import InvalidArgument
from wfctl.devserver.core.execution import Execution

_X = ResetReapplyExcludeType
LATER = BEGINNING + timedelta(minutes=5)


def schedule_activity(**timeouts: float) -> Command:
    command = Command(command_type=CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK)
    attributes = command.schedule_activity_task_command_attributes
    attributes.activity_id, attributes.activity_type.name, attributes.task_queue.name = "a", "A", QUEUE
    for name, seconds in {"start_to_close_timeout": 60.0, **timeouts}.items():
        getattr(attributes, name).FromTimedelta(timedelta(seconds=seconds))
    return command


def start_timer(seconds: float) -> Command:
    command = Command(command_type=CommandType.COMMAND_TYPE_START_TIMER)
    command.start_timer_command_attributes.timer_id = "t"
    command.start_timer_command_attributes.start_to_fire_timeout.FromTimedelta(timedelta(seconds=seconds))
    return command


def signalled(execution: Execution, name: str) -> None:
    signal.signal(execution, name, Payloads(), None, "client", f"request-{name}")


def ran(*commands: Command, **attributes: Any) -> Execution:
    """A run with two completed workflow tasks and a signal between them."""
    execution = started_execution(**attributes)
    complete_task(execution, *commands)
    signalled(execution, "one")
    complete_task(execution)
    return execution


def reset_to(
    base: Execution, finish_event_id: int, *chain: Execution, excluded: frozenset[int] = frozenset()
) -> Execution:
    fresh = new_execution(now=LATER)
    fresh.run_id = "new-run"
    wish = reset.Reset(finish_event_id, "why", excluded, ())
    reset.begin(fresh, base, wish, (base, *chain), "start-request")
    return fresh


def tail(execution: Execution, first: int) -> list[str]:
    return event_types(execution)[first - 1 :]


# -- where -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event_id", [-1, 0, 1, 9, 99])
def test_an_event_that_is_not_there_is_refused(event_id: int) -> None:
    with pytest.raises(InvalidArgument, match="must be > 1 && <= workflow last event ID"):
        reset.check_in_history(ran(), event_id)


def test_a_batch_of_events_is_not_torn_apart() -> None:
    with pytest.raises(InvalidArgument, match="event ID: 5, version: 0, this event must be at the boundary"):
        reset.check_point(ran(), 6, [1, 3, 4, 5, 7, 8])


def test_a_point_without_a_workflow_task_is_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"WorkflowTaskStarted \+ 1\]: 5"):
        reset.check_point(ran(), 5, [1, 3, 4, 5, 7, 8])


@pytest.mark.parametrize("event_id", [3, 4, 7, 8])
def test_a_task_that_was_scheduled_or_started_is_a_point(event_id: int) -> None:
    reset.check_point(ran(), event_id, [1, 3, 4, 5, 7, 8])


def test_a_task_that_was_written_when_it_ended_can_be_cut_from_its_end() -> None:
    base = started_execution()
    workflow_task.start(base, "request", "worker")
    workflow_task.fail(base, WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNSPECIFIED, Failure(), "worker")
    workflow_task.schedule(base)
    complete_task(base)
    assert tail(base, 5) == ["WORKFLOW_TASK_SCHEDULED", "WORKFLOW_TASK_STARTED", "WORKFLOW_TASK_COMPLETED"]
    batches = [1, 3, 4, 5]
    reset.check_point(base, 7, batches)
    with pytest.raises(InvalidArgument, match="boundary"):
        reset.check_point(base, 6, batches)


def test_a_failed_task_is_a_point_because_another_follows_it() -> None:
    base = started_execution()
    workflow_task.start(base, "request", "worker")
    workflow_task.fail(base, WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNSPECIFIED, Failure(), "worker")
    workflow_task.schedule(base)
    complete_task(base)
    reset.check_point(base, 5, [1, 3, 4, 5])
    fresh = reset_to(base, 5)
    assert tail(fresh, 4) == [
        "WORKFLOW_TASK_FAILED",
        "WORKFLOW_TASK_SCHEDULED",
        "WORKFLOW_TASK_STARTED",
        "WORKFLOW_TASK_FAILED",
        "WORKFLOW_TASK_SCHEDULED",
    ]
    assert fresh.workflow_task.attempt == 1


# -- the beginning ---------------------------------------------------------------------------------------------------


def test_the_new_run_fails_the_task_and_asks_for_another() -> None:
    fresh = reset_to(ran(), 4, excluded=frozenset({reset.SIGNAL}))
    assert tail(fresh, 3) == ["WORKFLOW_TASK_STARTED", "WORKFLOW_TASK_FAILED", "WORKFLOW_TASK_SCHEDULED"]
    failed = fresh.history.event(4).workflow_task_failed_event_attributes
    assert failed.cause == WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW
    assert (failed.base_run_id, failed.new_run_id) == ("run", "new-run")
    assert failed.failure.message == "why"
    assert fresh.workflow_task.attempt == 1
    assert [type(effect) for effect in fresh.effects] == [EnqueueWorkflowTask]


def test_a_task_that_nobody_took_is_started_by_the_reset() -> None:
    fresh = reset_to(ran(), 3)
    started = fresh.history.event(3).workflow_task_started_event_attributes
    assert (started.identity, started.request_id) == ("history-service", "emptyUuid")


def test_a_rebuilt_reset_run_is_as_it_lived() -> None:
    fresh = reset_to(ran(schedule_activity(), start_timer(60)), 10)
    assert state(rebuilt(fresh)) == state(fresh)
    assert fresh.reset_time == LATER


def test_a_reset_of_a_reset_run_counts_from_the_last_reset() -> None:
    first = reset_to(ran(), 4)
    second = new_execution(now=LATER + timedelta(minutes=1))
    second.run_id = "third-run"
    reset.begin(second, first, reset.Reset(4, "again", frozenset(), ()), (first,), "")
    assert second.reset_time == LATER + timedelta(minutes=1)
    assert second.start_time == second.reset_time


def test_timeouts_of_the_run_start_anew() -> None:
    base = ran(
        workflow_run_timeout={"seconds": 60},
        workflow_execution_timeout={"seconds": 100},
        workflow_execution_expiration_time={"seconds": int(BEGINNING.timestamp()) + 100},
    )
    fresh = reset_to(base, 4)
    assert completion.run_expiration(fresh) == LATER + timedelta(seconds=60)
    assert completion.chain_expiration(fresh) == LATER + timedelta(seconds=100)


def test_activities_that_were_in_flight_are_scheduled_again_now() -> None:
    fresh = reset_to(ran(schedule_activity(schedule_to_start_timeout=30, schedule_to_close_timeout=600)), 9)
    (activity,) = fresh.activities.values()
    assert activity.attempt_scheduled_time == LATER
    assert activity.expiration == BEGINNING + timedelta(seconds=600)
    assert any(isinstance(effect, EnqueueActivityTask) for effect in fresh.effects)


def test_timers_keep_their_deadlines() -> None:
    fresh = reset_to(ran(start_timer(60)), 9)
    assert fresh.next_deadline() == BEGINNING + timedelta(seconds=60)
    fresh.tick(LATER)
    assert event_types(fresh)[-1] == "TIMER_FIRED"


def test_what_the_run_said_of_itself_is_rebuilt_as_of_the_point() -> None:
    upsert = Command(command_type=CommandType.COMMAND_TYPE_MODIFY_WORKFLOW_PROPERTIES)
    upsert.modify_workflow_properties_command_attributes.upserted_memo.fields["m"].data = b"1"
    base = ran(upsert)
    assert set(reset_to(base, 4).memo.fields) == set()
    assert set(reset_to(base, 8).memo.fields) == {"m"}


# -- what is told again ------------------------------------------------------------------------------------------------


def test_signals_after_the_point_are_told_again_in_their_order() -> None:
    base = ran()
    signalled(base, "two")
    fresh = reset_to(base, 4)
    names = [event.workflow_execution_signaled_event_attributes.signal_name for event in fresh.history.events(5, 7)]
    assert names == ["one", "two"]


def test_a_signal_that_was_told_again_is_not_accepted_twice() -> None:
    fresh = reset_to(ran(), 4)
    assert signal.signal(fresh, "one", Payloads(), None, "client", "request-one") is None


def test_signals_of_continued_runs_are_told_again() -> None:
    later = started_execution()
    signalled(later, "later")
    fresh = reset_to(ran(), 4, later)
    assert tail(fresh, 5) == ["WORKFLOW_EXECUTION_SIGNALED"] * 2 + ["WORKFLOW_TASK_SCHEDULED"]


def accepted(update_id: str) -> WorkflowExecutionUpdateAcceptedEventAttributes:
    return WorkflowExecutionUpdateAcceptedEventAttributes(
        protocol_instance_id=update_id,
        accepted_request=Request(meta=Meta(update_id=update_id), input=Input(name="u")),
    )


def test_an_accepted_update_is_admitted_again() -> None:
    base = ran()
    base.record(accepted("u1"))
    fresh = reset_to(base, 8)
    (admitted,) = (
        event.workflow_execution_update_admitted_event_attributes
        for event in fresh.history.events()
        if event.HasField("workflow_execution_update_admitted_event_attributes")
    )
    assert admitted.request.meta.update_id == "u1"
    assert admitted.origin == UpdateAdmittedEventOrigin.UPDATE_ADMITTED_EVENT_ORIGIN_REAPPLY


@pytest.mark.parametrize(
    ("reapply", "exclude", "expected"),
    [
        (ResetReapplyType.RESET_REAPPLY_TYPE_UNSPECIFIED, (), set()),
        (ResetReapplyType.RESET_REAPPLY_TYPE_ALL_ELIGIBLE, (reset.SIGNAL,), {reset.SIGNAL}),
        (ResetReapplyType.RESET_REAPPLY_TYPE_SIGNAL, (), {reset.UPDATE}),
        (ResetReapplyType.RESET_REAPPLY_TYPE_NONE, (), {reset.SIGNAL, reset.UPDATE}),
    ],
)
def test_both_fields_say_what_is_not_told_again(reapply: int, exclude: tuple[int, ...], expected: set[int]) -> None:
    assert reset.excluded_types(reapply, exclude) == expected


def test_excluded_updates_are_left_out() -> None:
    base = ran()
    base.record(accepted("u1"))
    fresh = reset_to(base, 8, excluded=frozenset({reset.UPDATE}))
    assert "WORKFLOW_EXECUTION_UPDATE_ADMITTED" not in event_types(fresh)


def with_child() -> Execution:
    """A run whose child started before its second workflow task, and completed after that."""
    base = started_execution()
    complete_task(base)
    base.record(StartChildWorkflowExecutionInitiatedEventAttributes(workflow_id="child"))
    child = WorkflowExecution(workflow_id="child", run_id="child-run")
    base.record(ChildWorkflowExecutionStartedEventAttributes(initiated_event_id=5, workflow_execution=child))
    workflow_task.schedule(base)
    complete_task(base)
    base.record(ChildWorkflowExecutionCompletedEventAttributes(initiated_event_id=5, started_event_id=6))
    return base


def test_a_child_that_both_runs_have_reports_again() -> None:
    fresh = reset_to(with_child(), 9)
    assert tail(fresh, 10) == ["CHILD_WORKFLOW_EXECUTION_COMPLETED", "WORKFLOW_TASK_SCHEDULED"]
    assert fresh.history.event(10).child_workflow_execution_completed_event_attributes.started_event_id == 6
    assert not fresh.children


def test_a_child_that_only_the_old_run_had_is_not_heard_of() -> None:
    fresh = reset_to(with_child(), 4)
    assert tail(fresh, 5) == ["WORKFLOW_TASK_SCHEDULED"]


def test_with_everything_excluded_not_even_children_are_told_of() -> None:
    everything = frozenset(_X.values()) - {_X.RESET_REAPPLY_EXCLUDE_TYPE_UNSPECIFIED}
    fresh = reset_to(with_child(), 9, excluded=everything)
    assert tail(fresh, 10) == ["WORKFLOW_TASK_SCHEDULED"]
    assert len(fresh.children) == 1


def test_the_end_by_a_reset_is_no_business_of_parent_and_children() -> None:
    base = with_child()
    completion.terminate(base, "why", None, completion.RESETTER)
    assert completion.was_reset(base)
    assert not completion.has_last_words(base)
