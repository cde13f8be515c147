"""Reset: a run that begins as another one did, up to a workflow task of it, and goes on from there.

Rule. A run can be reset to a workflow task that was scheduled: the new run takes the base run's events before the one
that ended the task, and fails the task itself. The cut must lie between two batches of events (what one step wrote).

Theory. What came in from outside behind the cut — signals, updates, options, word from children that had been started
before — is told to the new run again. It lies in the base run and in the runs that this was continued as.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from temporalio.api.enums.v1 import (
    EventType,
    ResetReapplyExcludeType,
    ResetReapplyType,
    TimeoutType,
    UpdateAdmittedEventOrigin,
    WorkflowTaskFailedCause,
)
from temporalio.api.failure.v1 import Failure, ResetWorkflowFailureInfo
from temporalio.api.history.v1 import HistoryEvent, WorkflowExecutionUpdateAdmittedEventAttributes
from temporalio.api.workflow.v1 import PostResetOperation

from wfctl.devserver.core import registry
from wfctl.devserver.core.entities import options, workflow_task
from wfctl.devserver.core.entities.completion import SERVER
from wfctl.devserver.core.errors import InvalidArgument
from wfctl.devserver.core.execution import Execution
from wfctl.devserver.core.history import History, parse, split

_E = EventType
_Exclude = ResetReapplyExcludeType
SIGNAL = _Exclude.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL
UPDATE = _Exclude.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE
_EVERYTHING = set(_Exclude.values()) - {_Exclude.RESET_REAPPLY_EXCLUDE_TYPE_UNSPECIFIED}
# A task that was scheduled and never taken is started by the reset itself, in this name.
NO_REQUEST_ID = "emptyUuid"
_PENDING_TASK = (_E.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, _E.EVENT_TYPE_WORKFLOW_TASK_STARTED)
RESET = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW
_CHILD_WORD = (
    _E.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED,
    _E.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED,
    _E.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED,
    _E.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED,
    _E.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED,
    _E.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT,
    _E.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED,
)


@dataclass(frozen=True, slots=True)
class Reset:
    """A wish to take a workflow back."""

    finish_event_id: int  # the first event of the base run that the new run does not have
    reason: str
    excluded: frozenset[int]  # of what happened since, what is not told again
    operations: tuple[PostResetOperation, ...]


def excluded_types(reapply: int, exclude: Iterable[int]) -> frozenset[int]:
    """The older field says what to reapply, the newer one what not to."""
    excluded = set(exclude)
    if reapply == ResetReapplyType.RESET_REAPPLY_TYPE_SIGNAL:
        excluded.add(UPDATE)
    elif reapply == ResetReapplyType.RESET_REAPPLY_TYPE_NONE:
        excluded |= {SIGNAL, UPDATE}
    return frozenset(excluded)


def check_in_history(base: Execution, finish_event_id: int) -> None:
    """Raises InvalidArgument for an event that the run does not have."""
    if not 1 < finish_event_id < base.next_event_id:
        raise InvalidArgument("Workflow task finish ID must be > 1 && <= workflow last event ID.")


def check_point(base: Execution, finish_event_id: int, batches: Collection[int]) -> None:
    """Raises InvalidArgument unless the run can be cut here. `batches`: the first event id of each."""
    last = base.history.event(finish_event_id - 1).event_type
    # A task that is written only when it ends is a batch of its own.
    if finish_event_id not in batches and last != _E.EVENT_TYPE_WORKFLOW_TASK_STARTED:
        raise InvalidArgument(
            f"StateRebuilder unable to Rebuild mutable state to event ID: {finish_event_id - 1}, version: 0,"
            " this event must be at the boundary"
        )
    if not _has_task(base, finish_event_id):
        raise InvalidArgument(
            "Can only reset workflow to event ID in range [WorkflowTaskScheduled +1, WorkflowTaskStarted + 1]:"
            f" {finish_event_id}"
        )


def _has_task(base: Execution, next_event_id: int) -> bool:
    """Whether a workflow task was pending before this event. One that failed is followed by another, unwritten one."""
    for event_id in range(next_event_id - 1, 0, -1):
        event = base.history.event(event_id)
        if event.event_type in _PENDING_TASK:
            return True
        if event.event_type == _E.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            return False
        if event.event_type == _E.EVENT_TYPE_WORKFLOW_TASK_FAILED:
            return event.workflow_task_failed_event_attributes.cause != RESET
        if event.event_type == _E.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT:
            timeout_type = event.workflow_task_timed_out_event_attributes.timeout_type
            return timeout_type == TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE
    return False


# -- the new run ----------------------------------------------------------------------------------------------------


def begin(
    execution: Execution, base: Execution, wish: Reset, chain: Iterable[Execution], start_request_id: str
) -> None:
    """Make a fresh execution the run that `base` is reset to. `chain`: base, and the runs it was continued as."""
    now = execution.now
    prefix = base.history.fragment(1, wish.finish_event_id)
    execution.history = History(split(prefix))
    execution.replay(parse(prefix))
    execution.begin(now)
    execution.transition_count = 1
    if start_request_id:
        execution.request_ids[start_request_id] = 1
    _fail_task(execution, base, wish.reason)
    pending = execution.pending_effects()
    if not wish.excluded >= _EVERYTHING:
        for run in chain:
            first = wish.finish_event_id if run is base else 1
            for event in run.history.events(first):
                _tell_again(execution, event, wish.excluded)
    for operation in wish.operations:
        change = operation.update_workflow_options
        options.update(execution, change.workflow_execution_options, change.update_mask.paths, "")
    workflow_task.schedule(execution)
    for effect in pending:
        execution.emit(effect)


def _fail_task(execution: Execution, base: Execution, reason: str) -> None:
    if not execution.workflow_task.is_pending:
        execution.workflow_task.attempt = 1
        workflow_task.schedule(execution, dispatch=False)
    if execution.workflow_task.is_scheduled:
        workflow_task.start(execution, NO_REQUEST_ID, SERVER)
    workflow_task.fail(
        execution,
        RESET,
        Failure(message=reason, reset_workflow_failure_info=ResetWorkflowFailureInfo()),
        SERVER,
        base_run_id=base.run_id,
        new_run_id=execution.run_id,
    )


# -- what happened since the reset point ----------------------------------------------------------------------------


def _tell_again(execution: Execution, event: HistoryEvent, excluded: frozenset[int]) -> None:
    attributes = getattr(event, registry.EVENTS[event.event_type].field)
    if event.event_type == _E.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
        if SIGNAL not in excluded:
            execution.record(attributes, links=event.links)
    elif event.event_type == _E.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ADMITTED:
        if UPDATE not in excluded:
            execution.record(attributes)
    elif event.event_type == _E.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
        # An update that had been admitted by an event of its own is told again by that event.
        if UPDATE not in excluded and attributes.HasField("accepted_request"):
            execution.record(
                WorkflowExecutionUpdateAdmittedEventAttributes(
                    request=attributes.accepted_request,
                    origin=UpdateAdmittedEventOrigin.UPDATE_ADMITTED_EVENT_ORIGIN_REAPPLY,
                )
            )
    elif event.event_type == _E.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED:
        if attributes.attached_request_id not in execution.request_ids:
            execution.record(attributes, links=event.links, worker_may_ignore=True)
    elif event.event_type in _CHILD_WORD:
        _tell_of_child(execution, event, attributes)


def _tell_of_child(execution: Execution, event: HistoryEvent, attributes: Any) -> None:
    """Of children that the new run has in common with its base run: what became of them."""
    child = execution.children.get(attributes.initiated_event_id)
    if child is None:
        return
    if event.event_type == _E.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED:
        if child.started_event_id:
            return
    elif event.event_type != _E.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED:
        attributes.started_event_id = child.started_event_id
    execution.record(attributes)
