"""One sentence for why a workflow is where it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import PendingActivityState, PendingWorkflowTaskState
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.history.v1 import (
    HistoryEvent,
    WorkflowExecutionCompletedEventAttributes,
    WorkflowExecutionFailedEventAttributes,
)
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse

from wfctl.view.waiting import OpenTimer, Surroundings
from wfctl.view.why import explain

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ALONE = Surroundings(pollers={})


def described(status: int = 1) -> DescribeWorkflowExecutionResponse:
    description = DescribeWorkflowExecutionResponse()
    info = description.workflow_execution_info
    info.status = status  # type: ignore[assignment]
    info.execution.workflow_id = "order-1"
    info.task_queue = "orders"
    info.history_length = 10
    info.start_time.FromDatetime(NOW - timedelta(minutes=5))
    info.close_time.FromDatetime(NOW)
    return description


def failure(message: str, cause: Failure | None = None) -> Failure:
    return Failure(message=message, cause=cause, application_failure_info=ApplicationFailureInfo(type="Oops"))


def test_a_retried_activity_is_named_with_its_attempt_its_failure_and_when_it_is_tried_again() -> None:
    description = described()
    activity = PendingActivityInfo(activity_id="3", attempt=7, last_failure=failure("card declined"))
    activity.state = PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
    activity.activity_type.name = "charge"
    activity.next_attempt_schedule_time.FromDatetime(NOW + timedelta(seconds=40))
    description.pending_activities.append(activity)
    why = explain(description, ALONE, NOW)
    assert why.mood == "wrong"
    assert why.sentence == (
        "Activity charge (id 3): scheduled, attempt 7 — last failure: Oops: card declined; next attempt in 40s"
    )


def test_a_missing_worker_is_the_reason() -> None:
    description = described()
    description.pending_workflow_task.state = PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_SCHEDULED
    description.pending_workflow_task.attempt = 1
    description.pending_workflow_task.scheduled_time.FromDatetime(NOW - timedelta(minutes=2))
    why = explain(description, Surroundings(pollers={("orders", "workflow"): 0}), NOW)
    assert "no worker polls task queue 'orders'" in why.sentence
    assert why.mood == "wrong"


def test_other_things_waited_for_are_counted() -> None:
    timers = [OpenTimer("1", NOW + timedelta(hours=1)), OpenTimer("2", NOW + timedelta(hours=2))]
    why = explain(described(), Surroundings(pollers={}, timers=timers), NOW)
    assert why.sentence == "Timer 1 fires in 1h (and it waits for 1 other thing)"
    assert why.mood == "waiting"


def test_a_failed_workflow_tells_the_deepest_cause() -> None:
    event = HistoryEvent(
        workflow_execution_failed_event_attributes=WorkflowExecutionFailedEventAttributes(
            failure=failure("activity failed", failure("card declined"))
        )
    )
    why = explain(described(3), ALONE, NOW, event)
    assert why.sentence == "Failed after 5m: Oops: activity failed, because of Oops: card declined"
    assert why.mood == "wrong"


def test_a_completed_workflow_tells_its_result() -> None:
    result = Payloads(payloads=[Payload(metadata={"encoding": b"json/plain"}, data=b'{"ok":true}')])
    event = HistoryEvent(
        workflow_execution_completed_event_attributes=WorkflowExecutionCompletedEventAttributes(result=result)
    )
    assert explain(described(2), ALONE, NOW, event).sentence == 'Completed after 5m: {"ok":true}'
