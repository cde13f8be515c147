"""Activities: attempts, pauses, resets and changed options, and what of them survives a restart."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.common.v1 import Payload, Payloads, RetryPolicy
from temporalio.api.enums.v1 import RetryState
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.taskqueue.v1 import TaskQueue

from tests.support.commands import schedule_activity, seconds
from tests.support.executions import BEGINNING, complete_task, event_types, rebuilt, started_execution, state
from wfctl.devserver.core import activity_control
from wfctl.devserver.core.effects import EnqueueActivityTask
from wfctl.devserver.core.entities import activity
from wfctl.devserver.core.entities.activity import Activity, State
from wfctl.devserver.core.errors import FailedPrecondition, InvalidArgument
from wfctl.devserver.core.execution import Execution

FAILURE = Failure(message="boom", application_failure_info=ApplicationFailureInfo(type="X"))
DETAILS = Payloads(payloads=[Payload(data=b"1")])


def scheduled(**fields: Any) -> tuple[Execution, Activity]:
    execution = started_execution()
    complete_task(execution, schedule_activity(**fields))
    (one,) = execution.activities.values()
    return execution, one


def taken(**fields: Any) -> tuple[Execution, Activity]:
    execution, one = scheduled(**fields)
    activity.start(execution, one, "request", "worker")
    execution.effects.clear()
    return execution, one


def later(execution: Execution, number: float) -> None:
    execution.tick(BEGINNING + timedelta(seconds=number))


def pause(execution: Execution, one: Activity, request_id: str = "p") -> None:
    activity_control.pause(execution, one, "operator", "why", request_id)


def unpause(execution: Execution, one: Activity, **options: bool) -> None:
    flags = {"reset_attempts": False, "reset_heartbeat": False, **options}
    activity_control.unpause(execution, one, delay=timedelta(), **flags)


def reset(execution: Execution, one: Activity, **options: bool) -> None:
    flags = {"reset_heartbeat": False, "keep_paused": False, "restore_options": False, **options}
    activity_control.reset(execution, one, delay=timedelta(), **flags)


def tasks(execution: Execution) -> list[EnqueueActivityTask]:
    return [effect for effect in execution.effects if isinstance(effect, EnqueueActivityTask)]


def test_a_failed_attempt_is_tried_again_after_its_interval() -> None:
    execution, one = taken()
    activity.fail(execution, one, FAILURE, "worker")
    assert (one.state, one.attempt, one.last_failure) == (State.BACKING_OFF, 2, FAILURE)
    later(execution, 1)
    assert [(task.attempt, task.queue_name) for task in tasks(execution)] == [(2, "activities")]
    assert "ACTIVITY_TASK_FAILED" not in event_types(execution)


def test_a_large_failure_is_remembered_in_short() -> None:
    execution, one = taken()
    large = Failure(message="m" * 10_000, application_failure_info=ApplicationFailureInfo(type="X"))
    activity.fail(execution, one, large, "worker")
    assert one.last_failure is not None
    assert one.last_failure.message == "Failure exceeds size limit."
    assert one.last_failure.cause.ByteSize() <= 4096
    assert not one.last_failure.server_failure_info.non_retryable


def test_the_last_failure_is_the_cause_of_a_timeout() -> None:
    execution, one = taken(schedule_to_close_timeout=seconds(10))
    activity.fail(execution, one, FAILURE, "worker")
    later(execution, 1)
    activity.start(execution, one, "request", "worker")
    later(execution, 10)
    event = next(
        event for event in execution.history.events() if event.HasField("activity_task_timed_out_event_attributes")
    )
    assert event.activity_task_timed_out_event_attributes.failure.cause == FAILURE


def test_completing_by_id_writes_a_start_that_nobody_made() -> None:
    execution, one = scheduled()
    activity.complete(execution, one, None, "somebody")
    assert event_types(execution)[-3:] == [
        "ACTIVITY_TASK_STARTED",
        "ACTIVITY_TASK_COMPLETED",
        "WORKFLOW_TASK_SCHEDULED",
    ]


def test_a_paused_activity_finishes_its_attempt_and_starts_no_other() -> None:
    execution, one = taken()
    pause(execution, one)
    activity.fail(execution, one, FAILURE, "worker")
    assert (one.state, one.attempt) == (State.SCHEDULED, 2)
    later(execution, 1000)
    assert tasks(execution) == []
    unpause(execution, one)
    assert [task.attempt for task in tasks(execution)] == [2]


def test_a_paused_activity_has_no_timeouts() -> None:
    execution, one = taken(heartbeat_timeout=seconds(1))
    pause(execution, one)
    later(execution, 1000)
    assert one.is_started
    unpause(execution, one)
    later(execution, 1001)
    assert not one.is_started


def test_a_pause_voids_the_task_that_waits() -> None:
    execution, one = scheduled()
    (before,) = tasks(execution)
    pause(execution, one)
    unpause(execution, one)
    assert before.stamp != one.stamp
    assert tasks(execution)[-1].stamp == one.stamp


def test_pausing_twice_is_refused_unless_it_is_the_same_request() -> None:
    execution, one = scheduled()
    pause(execution, one, "first")
    pause(execution, one, "first")
    with pytest.raises(FailedPrecondition, match="activity is already paused"):
        pause(execution, one, "second")


def test_a_non_retryable_failure_ends_even_a_paused_activity() -> None:
    execution, one = taken()
    pause(execution, one)
    final = Failure(message="no", application_failure_info=ApplicationFailureInfo(non_retryable=True))
    activity.fail(execution, one, final, "worker")
    assert not execution.activities


def test_a_reset_goes_back_to_the_first_attempt_at_once() -> None:
    execution, one = taken(retry_policy=RetryPolicy(initial_interval=seconds(60)))
    activity.heartbeat(execution, one, DETAILS)
    activity.fail(execution, one, FAILURE, "worker")
    reset(execution, one, reset_heartbeat=True)
    assert (one.attempt, one.state) == (1, State.SCHEDULED)
    assert (one.last_failure, one.heartbeat_details) == (None, None)
    assert [task.attempt for task in tasks(execution)] == [1]


def test_a_running_attempt_is_told_that_it_was_reset() -> None:
    execution, one = taken()
    activity.heartbeat(execution, one, DETAILS)
    reset(execution, one, reset_heartbeat=True)
    assert (one.reset, one.heartbeat_details) == (True, DETAILS)
    activity.fail(execution, one, FAILURE, "worker")
    assert (one.reset, one.heartbeat_details) == (False, None)


def test_changed_options_move_a_waiting_activity_to_its_new_queue() -> None:
    execution, one = scheduled()
    wanted = ActivityOptions(task_queue=TaskQueue(name="other"), start_to_close_timeout=seconds(77))
    options = activity_control.update_options(execution, one, wanted, ["task_queue.name", "start_to_close_timeout"])
    assert options.start_to_close_timeout == seconds(77)
    assert tasks(execution)[-1].queue_name == "other"
    restored = activity_control.restore_options(execution, one)
    assert restored.start_to_close_timeout == seconds(10)
    assert tasks(execution)[-1].queue_name == "activities"


def test_options_that_make_no_sense_change_nothing() -> None:
    execution, one = scheduled()
    with pytest.raises(InvalidArgument, match="RetryPolicy is not provided"):
        activity_control.update_options(execution, one, ActivityOptions(), ["retry_policy"])
    with pytest.raises(InvalidArgument, match="a valid StartToCloseTimeout or ScheduleToCloseTimeout must be set"):
        activity_control.update_options(execution, one, ActivityOptions(), ["start_to_close_timeout"])
    assert one.changed is None


def test_changed_options_keep_the_error_types_that_are_not_retried() -> None:
    execution, one = taken(retry_policy=RetryPolicy(non_retryable_error_types=["X"]))
    wanted = ActivityOptions(retry_policy=RetryPolicy(maximum_attempts=9))
    activity_control.update_options(execution, one, wanted, ["retry_policy.maximum_attempts"])
    activity.fail(execution, one, FAILURE, "worker")
    event = execution.history.events()[-2]
    state_ = event.activity_task_failed_event_attributes.retry_state
    assert state_ == RetryState.RETRY_STATE_NON_RETRYABLE_FAILURE


def test_what_no_event_tells_of_an_activity_survives_a_restart() -> None:
    execution, one = taken()
    activity.heartbeat(execution, one, DETAILS)
    pause(execution, one)
    reset(execution, one, keep_paused=True)
    wanted = ActivityOptions(start_to_close_timeout=seconds(77))
    activity_control.update_options(execution, one, wanted, ["start_to_close_timeout"])
    assert state(rebuilt(execution)) == state(execution)


def test_a_restart_enqueues_only_what_may_start() -> None:
    execution, one = scheduled()
    pause(execution, one)
    assert not [effect for effect in rebuilt(execution).pending_effects() if isinstance(effect, EnqueueActivityTask)]
    unpause(execution, one)
    (effect,) = (effect for effect in rebuilt(execution).pending_effects() if isinstance(effect, EnqueueActivityTask))
    assert effect.stamp == one.stamp
