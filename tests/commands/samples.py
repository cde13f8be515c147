"""Messages that a real server could have sent, with fixed ids and times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.common.v1 import (
    ActivityType,
    Memo,
    Payload,
    Payloads,
    SearchAttributes,
    WorkflowExecution,
    WorkflowType,
)
from temporalio.api.enums.v1 import (
    EventType,
    PendingActivityState,
    PendingWorkflowTaskState,
    WorkflowExecutionStatus,
)
from temporalio.api.failure.v1 import ActivityFailureInfo, ApplicationFailureInfo, Failure
from temporalio.api.history.v1 import History, HistoryEvent
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflow.v1 import (
    PendingActivityInfo,
    PendingChildExecutionInfo,
    PendingWorkflowTaskInfo,
    WorkflowExecutionInfo,
)
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionResponse,
    GetWorkflowExecutionHistoryResponse,
    GetWorkflowExecutionHistoryReverseResponse,
)

START = datetime(2026, 3, 1, 11, 0, 0, tzinfo=UTC)
RUN_ID = "0198a3c0-0000-7000-8000-000000000001"


def at(seconds: float) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(START + timedelta(seconds=seconds))
    return stamp


def lasting(seconds: float) -> Duration:
    duration = Duration()
    duration.FromTimedelta(timedelta(seconds=seconds))
    return duration


def json_payload(text: str, **metadata: str) -> Payload:
    return Payload(
        data=text.encode(),
        metadata={"encoding": b"json/plain", **{key: value.encode() for key, value in metadata.items()}},
    )


def json_payloads(*texts: str) -> Payloads:
    return Payloads(payloads=[json_payload(text) for text in texts])


def execution(workflow_id: str = "order-1", run_id: str = RUN_ID) -> WorkflowExecution:
    return WorkflowExecution(workflow_id=workflow_id, run_id=run_id)


def info(
    workflow_id: str = "order-1",
    status: str = "RUNNING",
    *,
    type: str = "Order",
    started: float = 0,
    closed: float | None = None,
) -> WorkflowExecutionInfo:
    return WorkflowExecutionInfo(
        execution=execution(workflow_id),
        type=WorkflowType(name=type),
        start_time=at(started),
        execution_time=at(started),
        close_time=at(closed) if closed is not None else None,
        status=WorkflowExecutionStatus.Value(f"WORKFLOW_EXECUTION_STATUS_{status}"),
        history_length=17,
        history_size_bytes=2048,
        task_queue="orders",
        state_transition_count=9,
        memo=Memo(fields={"customer": json_payload('"ada"')}),
        search_attributes=SearchAttributes(indexed_fields={"Tier": json_payload('"gold"', type="Keyword")}),
        root_execution=execution(workflow_id),
    )


def card_declined(*, retryable: bool = True) -> Failure:
    return Failure(
        message="card declined",
        stack_trace='  File "saga.py", line 12, in charge\n\n    raise Declined',
        application_failure_info=ApplicationFailureInfo(type="Declined", non_retryable=not retryable),
    )


def activity_failed() -> Failure:
    return Failure(
        message="Activity task failed",
        cause=card_declined(retryable=False),
        activity_failure_info=ActivityFailureInfo(activity_type=ActivityType(name="charge"), activity_id="1"),
    )


def event(event_id: int, type: str, seconds: float, **attributes: Any) -> HistoryEvent:
    """`event(1, "WORKFLOW_EXECUTION_STARTED", 0, input=…)`."""
    made = HistoryEvent(
        event_id=event_id, event_time=at(seconds), event_type=EventType.Value(f"EVENT_TYPE_{type}"), task_id=event_id
    )
    target = getattr(made, f"{type.lower()}_event_attributes")
    target.SetInParent()
    target.MergeFrom(target.__class__(**attributes))
    return made


def failed_order() -> list[HistoryEvent]:
    """An order whose charge is declined twice, with a timer before and a signal in between."""
    return [
        event(
            1,
            "WORKFLOW_EXECUTION_STARTED",
            0,
            workflow_type=WorkflowType(name="Order"),
            task_queue=TaskQueue(name="orders"),
            input=json_payloads('{"total": 12}'),
            attempt=1,
        ),
        event(2, "WORKFLOW_TASK_SCHEDULED", 0, task_queue=TaskQueue(name="orders")),
        event(3, "WORKFLOW_TASK_STARTED", 0.004, scheduled_event_id=2),
        event(4, "WORKFLOW_TASK_COMPLETED", 0.012, scheduled_event_id=2, started_event_id=3),
        event(5, "TIMER_STARTED", 0.012, timer_id="1", start_to_fire_timeout=lasting(90)),
        event(6, "WORKFLOW_EXECUTION_SIGNALED", 30.5, signal_name="approve", input=json_payloads('"alex"')),
        event(7, "TIMER_FIRED", 90.012, timer_id="1", started_event_id=5),
        event(
            8,
            "ACTIVITY_TASK_SCHEDULED",
            90.02,
            activity_id="1",
            activity_type=ActivityType(name="charge"),
            input=json_payloads("12"),
        ),
        event(
            9,
            "ACTIVITY_TASK_STARTED",
            93,
            scheduled_event_id=8,
            identity="worker@host",
            attempt=2,
            last_failure=card_declined(),
        ),
        event(
            10,
            "ACTIVITY_TASK_FAILED",
            93.5,
            scheduled_event_id=8,
            started_event_id=9,
            failure=card_declined(retryable=False),
        ),
        event(11, "WORKFLOW_EXECUTION_FAILED", 93.6, failure=activity_failed()),
    ]


def completed_order(result: str = '{"charged": 12}') -> list[HistoryEvent]:
    return [*failed_order()[:4], event(5, "WORKFLOW_EXECUTION_COMPLETED", 1.5, result=json_payloads(result))]


def history(events: list[HistoryEvent], token: bytes = b"") -> GetWorkflowExecutionHistoryResponse:
    return GetWorkflowExecutionHistoryResponse(history=History(events=events), next_page_token=token)


def history_reverse(events: list[HistoryEvent]) -> GetWorkflowExecutionHistoryReverseResponse:
    return GetWorkflowExecutionHistoryReverseResponse(history=History(events=list(reversed(events))))


def answer_history(events: list[HistoryEvent]) -> Any:
    """As a server: the closing event only, when that is asked for."""

    def answer(request: Any) -> GetWorkflowExecutionHistoryResponse:
        return history(events[-1:] if request.history_event_filter_type == 2 else events)

    return answer


def stuck_description() -> DescribeWorkflowExecutionResponse:
    """Retrying an activity, waiting for a child, and for a worker to take its workflow task."""
    return DescribeWorkflowExecutionResponse(
        workflow_execution_info=info(),
        pending_activities=[
            PendingActivityInfo(
                activity_id="1",
                activity_type=ActivityType(name="charge"),
                state=PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED,
                attempt=4,
                maximum_attempts=10,
                scheduled_time=at(3500),
                last_failure=card_declined(),
                last_worker_identity="worker@host",
                next_attempt_schedule_time=at(3608),
                activity_options=ActivityOptions(task_queue=TaskQueue(name="payments")),
            )
        ],
        pending_children=[
            PendingChildExecutionInfo(workflow_id="order-1/ship", run_id=RUN_ID, workflow_type_name="Ship")
        ],
        pending_workflow_task=PendingWorkflowTaskInfo(
            state=PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_SCHEDULED,
            scheduled_time=at(3300),
            attempt=1,
        ),
    )
