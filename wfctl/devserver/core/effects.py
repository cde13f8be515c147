"""What a step wants done outside its run. A live run hands these to the engine; a rebuild drops them."""

from __future__ import annotations

from dataclasses import dataclass

from temporalio.api.common.v1 import Link, Priority
from temporalio.api.enums.v1 import EventType
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import WorkflowExecutionStartedEventAttributes
from temporalio.api.taskqueue.v1 import TaskQueue

from wfctl.devserver.core.errors import ServiceError

DEFAULT_PRIORITY = 3
LOWEST_PRIORITY = 5


@dataclass(frozen=True, slots=True)
class Place:
    """Where a task stands in its queue: by priority, then by turns of the fairness keys, then by arrival."""

    priority_key: int = 3
    fairness_key: str = ""
    fairness_weight: float = 1.0

    @classmethod
    def of(cls, priority: Priority) -> Place:
        """Priorities that are not set, or beyond the five that there are, become the middle or the last one."""
        key = min(priority.priority_key or DEFAULT_PRIORITY, LOWEST_PRIORITY)
        return cls(key, priority.fairness_key, priority.fairness_weight or 1.0)


@dataclass(frozen=True, slots=True)
class EnqueueWorkflowTask:
    """A workflow task waits for a worker of this queue."""

    queue: TaskQueue
    scheduled_event_id: int
    attempt: int
    place: Place = Place()


@dataclass(frozen=True, slots=True)
class EnqueueActivityTask:
    """An activity attempt waits for a worker of this queue."""

    queue_name: str
    scheduled_event_id: int
    attempt: int
    stamp: int
    place: Place


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
class LastWords:
    """This run closed: its parent must hear how, and its children get what their parent-close policy says."""


@dataclass(frozen=True, slots=True)
class NewRun:
    """This run is followed by another one, created in the same transaction."""

    run_id: str
    attributes: WorkflowExecutionStartedEventAttributes
    links: tuple[Link, ...] = ()


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
    | LastWords
    | NewRun
    | Closed
    | VisibilityChanged
    | UpdateEnded
)
