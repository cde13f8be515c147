"""Commands that a worker must not send, and what becomes of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.command.v1 import (
    CancelTimerCommandAttributes,
    Command,
    CompleteWorkflowExecutionCommandAttributes,
    ContinueAsNewWorkflowExecutionCommandAttributes,
    FailWorkflowExecutionCommandAttributes,
    ModifyWorkflowPropertiesCommandAttributes,
    RecordMarkerCommandAttributes,
    RequestCancelExternalWorkflowExecutionCommandAttributes,
    SignalExternalWorkflowExecutionCommandAttributes,
    StartChildWorkflowExecutionCommandAttributes,
    UpsertWorkflowSearchAttributesCommandAttributes,
)
from temporalio.api.common.v1 import (
    ActivityType,
    Memo,
    Payload,
    Payloads,
    Priority,
    RetryPolicy,
    SearchAttributes,
    WorkflowExecution,
    WorkflowType,
)
from temporalio.api.enums.v1 import CommandType as C
from temporalio.api.enums.v1 import WorkflowTaskFailedCause as Cause
from temporalio.api.taskqueue.v1 import TaskQueue

from tests.support.commands import cancel_activity, schedule_activity, seconds, start_timer
from tests.support.executions import QUEUE, complete_task, event_types, started_execution
from wfctl.devserver.core.entities import activity, signal, workflow_task
from wfctl.devserver.core.errors import BadCommand, InvalidArgument
from wfctl.devserver.settings import Settings

TOO_LARGE = Payloads(payloads=[Payload(data=b"x" * (2 * 1024 * 1024))])
COMPLETE = Command(
    command_type=C.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
    complete_workflow_execution_command_attributes=CompleteWorkflowExecutionCommandAttributes(),
)


def of(kind: C.ValueType, attributes: Any) -> Command:
    field = C.Name(kind).removeprefix("COMMAND_TYPE_").lower() + "_command_attributes"
    return Command(command_type=kind, **{field: attributes})


def child(**fields: Any) -> Command:
    return of(
        C.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION,
        StartChildWorkflowExecutionCommandAttributes(
            **{"workflow_id": "c", "workflow_type": WorkflowType(name="C"), **fields}
        ),
    )


def signal_other(**fields: Any) -> Command:
    return of(
        C.COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION,
        SignalExternalWorkflowExecutionCommandAttributes(
            **{"execution": WorkflowExecution(workflow_id="w"), "signal_name": "s", **fields}
        ),
    )


def cancel_other(**fields: Any) -> Command:
    return of(
        C.COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION,
        RequestCancelExternalWorkflowExecutionCommandAttributes(**{"workflow_id": "w", **fields}),
    )


def continue_as_new(**fields: Any) -> Command:
    return of(
        C.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION, ContinueAsNewWorkflowExecutionCommandAttributes(**fields)
    )


def marker(**fields: Any) -> Command:
    return of(C.COMMAND_TYPE_RECORD_MARKER, RecordMarkerCommandAttributes(**fields))


def memo(fields: dict[str, Payload]) -> Command:
    return of(
        C.COMMAND_TYPE_MODIFY_WORKFLOW_PROPERTIES,
        ModifyWorkflowPropertiesCommandAttributes(upserted_memo=Memo(fields=fields)),
    )


def upsert(**fields: Payload) -> Command:
    return of(
        C.COMMAND_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
        UpsertWorkflowSearchAttributesCommandAttributes(search_attributes=SearchAttributes(indexed_fields=fields)),
    )


def cancel_timer(timer_id: str) -> Command:
    return of(C.COMMAND_TYPE_CANCEL_TIMER, CancelTimerCommandAttributes(timer_id=timer_id))


def fail(**fields: Any) -> Command:
    return of(C.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION, FailWorkflowExecutionCommandAttributes(**fields))


def refusal(*commands: Command, settings: Settings | None = None) -> BadCommand:
    with pytest.raises(BadCommand) as caught:
        complete_task(started_execution(settings), *commands)
    return caught.value


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (schedule_activity(task_queue=None), "taskQueue is not set"),
        (schedule_activity(task_queue=TaskQueue()), "missing task queue name"),
        (schedule_activity(task_queue=TaskQueue(name="/_sys/x")), "task queue name cannot start with reserved"),
        (schedule_activity(""), "activityId is not set"),
        (schedule_activity("i" * 1001), "activityId exceeds length limit. Length=1001 Limit=1000"),
        (schedule_activity(activity_type=ActivityType()), "activityType is not set"),
        (schedule_activity(start_to_close_timeout=None), "a valid StartToCloseTimeout or ScheduleToCloseTimeout must"),
        (schedule_activity(heartbeat_timeout=Duration(seconds=-1)), "invalid HeartbeatTimeout: negative duration"),
        (
            schedule_activity(heartbeat_timeout=Duration(seconds=1, nanos=-1)),
            "invalid HeartbeatTimeout: duration has seconds and nanos with different signs",
        ),
        (schedule_activity(priority=Priority(priority_key=-1)), "invalid priorities: priority key can't be negative"),
        (schedule_activity(priority=Priority(fairness_key="k" * 65)), "invalid priorities: fairness key length"),
        (
            schedule_activity(retry_policy=RetryPolicy(backoff_coefficient=0.5)),
            "BackoffCoefficient cannot be less than 1 on retry policy.",
        ),
        (
            schedule_activity(retry_policy=RetryPolicy(initial_interval=seconds(5), maximum_interval=seconds(1))),
            "MaximumInterval cannot be less than InitialInterval on retry policy.",
        ),
        (
            schedule_activity(retry_policy=RetryPolicy(non_retryable_error_types=["TemporalTimeout:Never"])),
            "Invalid timeout type value: Never.",
        ),
    ],
)
def test_an_activity_with_bad_attributes_fails_the_workflow_task(command: Command, message: str) -> None:
    bad = refusal(command)
    assert bad.cause == Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_SCHEDULE_ACTIVITY_ATTRIBUTES
    assert bad.message.startswith(message)
    assert str(bad).startswith("BadScheduleActivityAttributes: ")
    assert not bad.terminates


def test_a_retry_policy_of_one_attempt_may_say_anything_else() -> None:
    execution = started_execution()
    policy = RetryPolicy(maximum_attempts=1, backoff_coefficient=0.5)
    complete_task(execution, schedule_activity(retry_policy=policy))
    assert len(execution.activities) == 1


@pytest.mark.parametrize(
    ("command", "cause", "message"),
    [
        (start_timer(""), "BAD_START_TIMER_ATTRIBUTES", "TimerId is not set on StartTimerCommand."),
        (
            start_timer("t", Duration(seconds=-1)),
            "BAD_START_TIMER_ATTRIBUTES",
            "An invalid StartToFireTimeout is set on StartTimerCommand: negative duration. TimerId=t",
        ),
        (
            cancel_timer("none"),
            "BAD_CANCEL_TIMER_ATTRIBUTES",
            "invalid history builder state for action: add-timer-canceled-event, TimerID: none",
        ),
        (
            cancel_activity(0),
            "BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES",
            "ScheduledEventId is not set on RequestCancelActivityTaskCommand.",
        ),
        (
            cancel_activity(3),
            "BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES",
            "invalid history builder state for action: add-activitytask-cancel-requested-event, ScheduledEventID: 3",
        ),
        (marker(), "BAD_RECORD_MARKER_ATTRIBUTES", "MarkerName is not set on RecordMarkerCommand."),
        (fail(), "BAD_FAIL_WORKFLOW_EXECUTION_ATTRIBUTES", "Failure is not set on FailWorkflowExecutionCommand."),
        (upsert(), "BAD_SEARCH_ATTRIBUTES", "IndexedFields is not set on UpsertWorkflowSearchAttributesCommand."),
        (
            memo({}),
            "BAD_MODIFY_WORKFLOW_PROPERTIES_ATTRIBUTES",
            "UpsertedMemo.Fields is not set on ModifyWorkflowPropertiesCommand.",
        ),
        (
            continue_as_new(workflow_task_timeout=Duration(seconds=-1)),
            "BAD_CONTINUE_AS_NEW_ATTRIBUTES",
            (
                "Invalid WorkflowTaskTimeout on ContinueAsNewWorkflowExecutionCommand: negative duration."
                f' WorkflowType=Workflow TaskQueue=name:"{QUEUE}" kind:TASK_QUEUE_KIND_NORMAL'
            ),
        ),
        (
            child(workflow_id=""),
            "BAD_START_CHILD_EXECUTION_ATTRIBUTES",
            (
                "Required field WorkflowId is not set on StartChildWorkflowExecutionCommand."
                " WorkflowType=C Namespace=default"
            ),
        ),
        (
            child(cron_schedule="soon"),
            "BAD_START_CHILD_EXECUTION_ATTRIBUTES",
            (
                "invalid CronSchedule on StartChildWorkflowExecutionCommand: invalid CronSchedule.."
                " WorkflowId=c WorkflowType=C Namespace=default"
            ),
        ),
        (
            signal_other(execution=WorkflowExecution(workflow_id="w", run_id="x")),
            "BAD_SIGNAL_WORKFLOW_EXECUTION_ATTRIBUTES",
            "Invalid RunId set on SignalExternalWorkflowExecutionCommand. WorkflowId=w Namespace= RunId=x SignalName=s",
        ),
        (
            cancel_other(workflow_id=""),
            "BAD_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_ATTRIBUTES",
            "WorkflowId is not set on RequestCancelExternalWorkflowExecutionCommand. Namespace= RunId=",
        ),
        (
            Command(command_type=C.COMMAND_TYPE_START_TIMER),
            "BAD_START_TIMER_ATTRIBUTES",
            "StartTimerCommandAttributes is not set on StartTimerCommand.",
        ),
    ],
)
def test_each_command_names_what_is_wrong_with_it(command: Command, cause: str, message: str) -> None:
    bad = refusal(command)
    assert Cause.Name(bad.cause).removeprefix("WORKFLOW_TASK_FAILED_CAUSE_") == cause
    assert bad.message == message


@pytest.mark.parametrize(
    "command",
    [
        schedule_activity(input=TOO_LARGE),
        marker(marker_name="m", details={"d": TOO_LARGE}),
        child(input=TOO_LARGE),
        signal_other(input=TOO_LARGE),
        continue_as_new(input=TOO_LARGE),
        memo({"m": TOO_LARGE.payloads[0]}),
        of(
            C.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
            CompleteWorkflowExecutionCommandAttributes(result=TOO_LARGE),
        ),
    ],
)
def test_a_payload_that_is_too_large_ends_the_workflow(command: Command) -> None:
    bad = refusal(command)
    assert bad.terminates
    assert bad.message.endswith("exceeds size limit.")


def test_a_memo_may_not_grow_too_large_bit_by_bit() -> None:
    half = Payload(data=b"x" * (1100 * 1024))
    execution = started_execution()
    complete_task(execution, memo({"a": half}))
    workflow_task.schedule(execution)
    with pytest.raises(BadCommand, match="Memo exceeds size limit"):
        complete_task(execution, memo({"b": half}))


@pytest.mark.parametrize(
    ("command", "setting", "cause"),
    [
        (schedule_activity, "pending_activities", "PENDING_ACTIVITIES_LIMIT_EXCEEDED"),
        (lambda name: child(workflow_id=name), "pending_children", "PENDING_CHILD_WORKFLOWS_LIMIT_EXCEEDED"),
        (lambda _: signal_other(), "pending_signals", "PENDING_SIGNALS_LIMIT_EXCEEDED"),
        (lambda _: cancel_other(), "pending_cancel_requests", "PENDING_REQUEST_CANCEL_LIMIT_EXCEEDED"),
    ],
)
def test_a_workflow_has_only_so_many_of_a_kind_pending(command: Any, setting: str, cause: str) -> None:
    settings = replace(Settings(), **{setting: 2})  # type: ignore[arg-type]
    execution = started_execution(settings)
    complete_task(execution, command("a"), command("b"))
    bad = refusal(command("a"), command("b"), command("c"), settings=settings)
    assert Cause.Name(bad.cause).removeprefix("WORKFLOW_TASK_FAILED_CAUSE_") == cause
    assert bad.message.endswith(", 2, has reached the per-workflow limit of 2")


def test_ids_of_open_activities_and_timers_are_unique() -> None:
    bad = refusal(schedule_activity("a"), schedule_activity("a"))
    assert str(bad) == (
        "ScheduleActivityDuplicateId: invalid history builder state for action:"
        " add-activitytask-scheduled-event, ActivityID: a"
    )
    bad = refusal(start_timer("t"), start_timer("t"))
    assert bad.cause == Cause.WORKFLOW_TASK_FAILED_CAUSE_START_TIMER_DUPLICATE_ID


def test_nothing_follows_a_command_that_closes_the_run() -> None:
    message = (
        r"invalid command sequence: \[CompleteWorkflowExecution, StartTimer\],"
        " command CompleteWorkflowExecution must be the last command"
    )
    with pytest.raises(InvalidArgument, match=message):
        complete_task(started_execution(), COMPLETE, start_timer())


def test_a_command_type_that_nobody_knows_is_an_invalid_argument() -> None:
    with pytest.raises(InvalidArgument, match="unknown command type: Unspecified"):
        complete_task(started_execution(), Command())


def test_a_run_does_not_close_over_news() -> None:
    execution = started_execution()
    complete_task(execution, schedule_activity())
    workflow_task.schedule(execution)
    workflow_task.start(execution, "request", "worker")
    signal.signal(execution, "s", None, None, "", "")
    with pytest.raises(BadCommand) as caught:
        complete_task(execution, COMPLETE)
    assert str(caught.value) == "UnhandledCommand"


def test_a_run_closes_over_a_cancelled_activity_of_the_same_task() -> None:
    execution = started_execution()
    complete_task(execution, schedule_activity("a"))
    (scheduled_event_id,) = execution.activities
    workflow_task.schedule(execution)
    complete_task(execution, cancel_activity(scheduled_event_id), COMPLETE)
    assert not execution.is_running
    assert event_types(execution)[-1] == "WORKFLOW_EXECUTION_COMPLETED"


def test_a_cancel_request_for_an_activity_that_ended_meanwhile_is_recorded() -> None:
    execution = started_execution()
    complete_task(execution, schedule_activity("a"))
    (scheduled_event_id,) = execution.activities
    workflow_task.schedule(execution)
    workflow_task.start(execution, "request", "worker")
    activity.complete(execution, execution.activities[scheduled_event_id], None, "")
    complete_task(execution, cancel_activity(scheduled_event_id))
    assert event_types(execution)[-4:] == [
        "ACTIVITY_TASK_CANCEL_REQUESTED",
        "ACTIVITY_TASK_STARTED",
        "ACTIVITY_TASK_COMPLETED",
        "WORKFLOW_TASK_SCHEDULED",
    ]


def test_a_child_of_the_same_task_cannot_be_cancelled() -> None:
    bad = refusal(child(workflow_id="c"), cancel_other(workflow_id="c"))
    assert bad.message.startswith("Start and RequestCancel for child workflow is not allowed in same workflow task.")
