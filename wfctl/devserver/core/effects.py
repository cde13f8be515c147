"""What a step wants done outside its run. A live run hands these to the engine; a rebuild drops them."""

from __future__ import annotations

from dataclasses import dataclass

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent, WorkflowExecutionStartedEventAttributes
from temporalio.api.taskqueue.v1 import TaskQueue

from wfctl.devserver.core.errors import ServiceError


@dataclass(frozen=True, slots=True)
class EnqueueWorkflowTask:
    """A workflow task waits for a worker of this queue."""

    queue: TaskQueue
    scheduled_event_id: int
    attempt: int
    priority_key: int = 3


@dataclass(frozen=True, slots=True)
class EnqueueActivityTask:
    """An activity attempt waits for a worker of this queue."""

    queue_name: str
    scheduled_event_id: int
    attempt: int
    priority_key: int = 3


@dataclass(frozen=True, slots=True)
class StartChild:
    """Start the child that this event initiated."""

    initiated_event_id: int


@dataclass(frozen=True, slots=True)
class SignalExternal:
    """Send the signal that this event initiated."""

    initiated_event_id: int


@dataclass(frozen=True, slots=True)
class CancelExternal:
    """Send the cancel request that this event initiated."""

    initiated_event_id: int


@dataclass(frozen=True, slots=True)
class ReportToParent:
    """This run closed for good: tell its parent how."""

    parent_namespace_id: str
    parent: WorkflowExecution
    initiated_event_id: int
    close_event: HistoryEvent


@dataclass(frozen=True, slots=True)
class CloseChild:
    """The parent closed: apply the child's parent-close policy."""

    initiated_event_id: int


@dataclass(frozen=True, slots=True)
class NewRun:
    """This run is followed by another one, created in the same transaction."""

    run_id: str
    attributes: WorkflowExecutionStartedEventAttributes


@dataclass(frozen=True, slots=True)
class Closed:
    """The run closed with this event."""

    event_type: EventType.ValueType


@dataclass(frozen=True, slots=True)
class VisibilityChanged:
    """Search attributes or memo changed: the visibility record has to follow."""


@dataclass(frozen=True, slots=True)
class UpdateEnded:
    """An update ended without an event: rejected with this failure, or given up with this error."""

    update_id: str
    failure: Failure | None = None
    error: ServiceError | None = None


Effect = (
    EnqueueWorkflowTask
    | EnqueueActivityTask
    | StartChild
    | SignalExternal
    | CancelExternal
    | ReportToParent
    | CloseChild
    | NewRun
    | Closed
    | VisibilityChanged
    | UpdateEnded
)
