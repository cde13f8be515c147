"""A description of a run made from its history alone, for runs of which there is only a file.

It says what DescribeWorkflowExecution would have said when the last event was written, as far as events tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_STATUS_AFTER = {
    "workflow_execution_completed": 2,
    "workflow_execution_failed": 3,
    "workflow_execution_canceled": 4,
    "workflow_execution_terminated": 5,
    "workflow_execution_continued_as_new": 6,
    "workflow_execution_timed_out": 7,
}
_ACTIVITY_ENDS = tuple(f"activity_task_{end}" for end in ("completed", "failed", "timed_out", "canceled"))
_CHILD_ENDS = (
    "start_child_workflow_execution_failed",
    *(
        f"child_workflow_execution_{end}"
        for end in ("completed", "failed", "canceled", "timed_out", "terminated")
    ),
)  # fmt: skip
_NEXUS_ENDS = tuple(f"nexus_operation_{end}" for end in ("completed", "failed", "canceled", "timed_out"))


def description_from(events: Sequence[Any], workflow_id: str = "") -> Any:
    """A DescribeWorkflowExecutionResponse; `workflow_id` is used where the history does not name its own."""
    from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse

    description = DescribeWorkflowExecutionResponse()
    info = description.workflow_execution_info
    info.status = 1  # type: ignore[assignment]
    info.history_length = events[-1].event_id if events else 0
    info.execution.workflow_id = workflow_id
    pending = _Pending()
    for event in events:
        which = event.WhichOneof("attributes")
        if which is None:
            continue
        name, attributes = which.removesuffix("_event_attributes"), getattr(event, which)
        if name == "workflow_execution_started":
            _take_start(description, event, attributes, workflow_id)
        elif name in _STATUS_AFTER:
            info.status = _STATUS_AFTER[name]  # type: ignore[assignment]
            info.close_time.CopyFrom(event.event_time)
        elif name == "upsert_workflow_search_attributes":
            info.search_attributes.MergeFrom(attributes.search_attributes)
        elif name == "workflow_properties_modified" and attributes.HasField("upserted_memo"):
            info.memo.MergeFrom(attributes.upserted_memo)
        else:
            pending.take(name, event, attributes)
    if info.status == 1:
        pending.describe(description)
    return description


def _take_start(description: Any, event: Any, attributes: Any, workflow_id: str) -> None:
    info = description.workflow_execution_info
    info.execution.workflow_id = attributes.workflow_id or workflow_id
    info.execution.run_id = attributes.original_execution_run_id or attributes.first_execution_run_id
    info.first_run_id = attributes.first_execution_run_id
    info.type.CopyFrom(attributes.workflow_type)
    info.task_queue = attributes.task_queue.name
    info.start_time.CopyFrom(event.event_time)
    info.execution_time.CopyFrom(event.event_time)
    info.memo.CopyFrom(attributes.memo)
    info.search_attributes.CopyFrom(attributes.search_attributes)
    if attributes.HasField("parent_workflow_execution"):
        info.parent_execution.CopyFrom(attributes.parent_workflow_execution)
    if event.HasField("user_metadata"):
        description.execution_config.user_metadata.CopyFrom(event.user_metadata)


class _Pending:
    """What was begun and has not ended."""

    def __init__(self) -> None:
        self._activities: dict[int, tuple[Any, Any, Any]] = {}
        self._children: dict[int, tuple[Any, Any]] = {}
        self._operations: dict[int, tuple[Any, Any]] = {}
        self._task: tuple[str, Any, int] | None = None

    def take(self, name: str, event: Any, attributes: Any) -> None:
        if name == "activity_task_scheduled":
            self._activities[event.event_id] = (event, attributes, None)
        elif name == "activity_task_started" and attributes.scheduled_event_id in self._activities:
            scheduled, was, _ = self._activities[attributes.scheduled_event_id]
            self._activities[attributes.scheduled_event_id] = (scheduled, was, event)
        elif name in _ACTIVITY_ENDS:
            self._activities.pop(attributes.scheduled_event_id, None)
        elif name == "start_child_workflow_execution_initiated":
            self._children[event.event_id] = (attributes, None)
        elif name == "child_workflow_execution_started" and attributes.initiated_event_id in self._children:
            initiated, _ = self._children[attributes.initiated_event_id]
            self._children[attributes.initiated_event_id] = (initiated, attributes)
        elif name in _CHILD_ENDS:
            self._children.pop(attributes.initiated_event_id, None)
        elif name == "nexus_operation_scheduled":
            self._operations[event.event_id] = (event, attributes)
        elif name in _NEXUS_ENDS:
            self._operations.pop(attributes.scheduled_event_id, None)
        elif name == "workflow_task_scheduled":
            self._task = ("scheduled", event, max(attributes.attempt, 1))
        elif name == "workflow_task_started" and self._task is not None:
            self._task = ("started", event, self._task[2])
        elif name == "workflow_task_completed":
            self._task = None

    def describe(self, description: Any) -> None:
        for scheduled, attributes, started in self._activities.values():
            self._activity(description.pending_activities.add(), scheduled, attributes, started)
        for initiated_event_id, (initiated, started) in self._children.items():
            child = description.pending_children.add()
            child.initiated_id = initiated_event_id
            child.workflow_id = initiated.workflow_id
            child.workflow_type_name = initiated.workflow_type.name
            if started is not None:
                child.run_id = started.workflow_execution.run_id
        for scheduled_event_id, (event, attributes) in self._operations.items():
            operation = description.pending_nexus_operations.add()
            operation.endpoint, operation.service = attributes.endpoint, attributes.service
            operation.operation, operation.scheduled_event_id = attributes.operation, scheduled_event_id
            operation.scheduled_time.CopyFrom(event.event_time)
            operation.attempt = 1
        if self._task is not None:
            state, event, attempt = self._task
            task = description.pending_workflow_task
            task.state, task.attempt = (2 if state == "started" else 1), attempt
            (task.started_time if state == "started" else task.scheduled_time).CopyFrom(event.event_time)

    def _activity(self, activity: Any, scheduled: Any, attributes: Any, started: Any) -> None:
        activity.activity_id = attributes.activity_id
        activity.activity_type.CopyFrom(attributes.activity_type)
        activity.state, activity.attempt = 1, 1
        activity.scheduled_time.CopyFrom(scheduled.event_time)
        activity.maximum_attempts = attributes.retry_policy.maximum_attempts
        activity.activity_options.task_queue.name = attributes.task_queue.name
        if started is not None:
            detail = started.activity_task_started_event_attributes
            activity.state, activity.attempt = 2, max(detail.attempt, 1)
            activity.last_started_time.CopyFrom(started.event_time)
            activity.last_worker_identity = detail.identity
            if detail.HasField("last_failure"):
                activity.last_failure.CopyFrom(detail.last_failure)
