"""Parents and children: starting a child, telling its parent how it ended, closing what a closed parent left.

Theory. What concerns two runs is written in one stretch without an await, so both reach the disk in one commit or
neither does. Doing it again after a crash is harmless: the child's start has a request id of its parent's making, and a
parent that no longer waits for a child has nothing to be told.
"""

from __future__ import annotations

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import (
    ParentClosePolicy,
    StartChildWorkflowExecutionFailedCause,
    WorkflowIdConflictPolicy,
)
from temporalio.api.workflowservice.v1 import StartWorkflowExecutionRequest

from wfctl.devserver.core import priorities, start
from wfctl.devserver.core.entities import cancellation, child_workflow, completion
from wfctl.devserver.core.entities.child_workflow import ChildWorkflow
from wfctl.devserver.core.entities.completion import SERVER
from wfctl.devserver.core.errors import NamespaceNotFound, WorkflowExecutionAlreadyStarted
from wfctl.devserver.core.execution import Execution
from wfctl.devserver.core.payloads import copy_fields
from wfctl.devserver.engine.runs import Run, Runs
from wfctl.devserver.services import start as service
from wfctl.devserver.services.namespaces import Namespaces

Cause = StartChildWorkflowExecutionFailedCause


class ChildWorkflows:
    """What spans a parent and its child."""

    def __init__(self, runs: Runs, namespaces: Namespaces) -> None:
        self._runs = runs
        self._namespaces = namespaces

    # -- starting -------------------------------------------------------------------------------------------------

    async def start(self, parent_key: int, initiated_event_id: int) -> None:
        """Start the child that this event initiated. A parent that closed meanwhile does not want it any more."""
        parent = await self._runs.load(parent_key)
        with self._runs.pinned(parent):
            child = _unstarted(parent.execution, initiated_event_id)
            while child is not None and not await self._try_to_start(parent, child):
                child = _unstarted(parent.execution, initiated_event_id)
            await self._runs.committed(parent)

    async def _try_to_start(self, parent: Run, child: ChildWorkflow) -> bool:
        """False: the world changed while we looked at it."""
        attributes = child.attributes
        try:
            self._namespaces.by_id(attributes.namespace_id)
        except NamespaceNotFound:
            self._fail(parent, child, Cause.START_CHILD_WORKFLOW_EXECUTION_FAILED_CAUSE_NAMESPACE_NOT_FOUND)
            return True
        current = await service.current_run(self._runs, attributes.namespace_id, attributes.workflow_id)
        adopted = current is not None and await self._was_started_before_reset(
            parent.execution, child.initiated_event_id, current.execution
        )
        if current is not None and current.dropped:
            return False
        self._runs.check_present(parent)
        still_wanted = _unstarted(parent.execution, child.initiated_event_id)
        if still_wanted is not None:
            self._start_now(parent, still_wanted, current, adopted=adopted)
        return True

    def _start_now(self, parent: Run, child: ChildWorkflow, current: Run | None, *, adopted: bool) -> None:
        taken = Cause.START_CHILD_WORKFLOW_EXECUTION_FAILED_CAUSE_WORKFLOW_ALREADY_EXISTS
        if current is parent:
            # Whatever the reuse policy says: a parent that ended itself could not be told of the child.
            self._fail(parent, child, taken)
            return
        if current is not None and adopted:
            run = current
        else:
            request = _start_request(parent.execution, child)
            try:
                run = service.start_now(self._runs, request, self._runs.new_id(), current).run
            except WorkflowExecutionAlreadyStarted:
                self._fail(parent, child, taken)
                return
        first_run_id = run.execution.started.first_execution_run_id
        self._runs.step(parent, lambda execution: child_workflow.record_started(execution, child, first_run_id))

    def _fail(self, parent: Run, child: ChildWorkflow, cause: Cause.ValueType) -> None:
        self._runs.step(parent, lambda execution: child_workflow.record_start_failed(execution, child, cause))

    async def _was_started_before_reset(self, parent: Execution, initiated_event_id: int, candidate: Execution) -> bool:
        """Whether a parent that was reset meets the child that it had started before: it was initiated before the cut."""
        original = parent.started.original_execution_run_id
        its_parent = candidate.started.parent_workflow_execution
        if (
            parent.run_id == original
            or not candidate.is_running
            or candidate.started.parent_workflow_namespace_id != parent.namespace_id
            or its_parent.workflow_id != parent.workflow_id
            or its_parent.run_id == parent.run_id
            or initiated_event_id > parent.reset_event_id
        ):
            return False
        if its_parent.run_id == original:
            return True
        run = await self._runs.find_or_none(parent.namespace_id, its_parent.workflow_id, its_parent.run_id)
        return run is not None and run.execution.started.original_execution_run_id == original

    # -- last words -----------------------------------------------------------------------------------------------

    async def say_last_words(self, closed: Run) -> None:
        """Tell the parent how the run ended, then apply the close policies of its children."""
        execution = closed.execution
        touched = []
        if completion.tells_parent(execution):
            touched.append(await self._tell_parent(closed))
        for child in completion.children_to_close(execution):
            touched.append(await self._close(closed, child))
        for run in touched:
            if run is not None:
                await self._runs.committed(run)
        if not closed.failed:
            self._runs.has_said_last_words(closed)

    async def _tell_parent(self, closed: Run) -> Run | None:
        execution = closed.execution
        started = execution.started
        close_event = completion.close_event(execution)
        parent = await self._find_parent(execution)
        if parent is None or closed.failed:
            return None
        child = parent.execution.children.get(started.parent_initiated_event_id)
        if child is None or child.attributes.workflow_id != execution.workflow_id:
            return None
        if child.run_id and child.run_id != started.first_execution_run_id:
            return None  # another run of the same id took its place

        def record(parent_execution: Execution) -> None:
            if not child.started_event_id:
                child_workflow.record_started(parent_execution, child, started.first_execution_run_id)
            child_workflow.record_ended(parent_execution, child, execution.run_id, close_event)

        self._runs.step(parent, record)
        return parent

    async def _find_parent(self, execution: Execution) -> Run | None:
        """The running parent; if it was reset, the run that took its place."""
        started = execution.started
        namespace_id, parent_id = started.parent_workflow_namespace_id, started.parent_workflow_execution
        while True:
            parent = await self._runs.find_or_none(namespace_id, parent_id.workflow_id, parent_id.run_id)
            if parent is None:
                return None
            if parent.execution.is_running:
                return parent
            if not completion.was_reset(parent.execution):
                return None
            original = parent.execution.started.original_execution_run_id
            current = await service.current_run(self._runs, namespace_id, parent_id.workflow_id)
            if current is None or current.execution.started.original_execution_run_id != original:
                return None
            if not current.dropped:
                return current if current.execution.is_running else None

    async def _close(self, closed: Run, child: ChildWorkflow) -> Run | None:
        parent, attributes = closed.execution, child.attributes
        run = await self._runs.find_or_none(attributes.namespace_id, attributes.workflow_id)
        if (
            run is None
            or closed.failed
            or not run.execution.is_running
            or not is_child_of(run.execution, parent, child.run_id)
        ):
            return None
        if attributes.parent_close_policy == ParentClosePolicy.PARENT_CLOSE_POLICY_REQUEST_CANCEL:
            self._runs.step(
                run,
                lambda execution: cancellation.request_cancel(
                    execution, "", SERVER, "", external_workflow=(parent.workflow_id, parent.run_id)
                ),
            )
        else:
            self._runs.step(
                run, lambda execution: completion.terminate(execution, "by parent close policy", None, SERVER)
            )
        return run


def is_child_of(execution: Execution, parent: Execution, first_run_id: str = "") -> bool:
    """Whether this run belongs to the child that the parent started (with that first run)."""
    its_parent = execution.started.parent_workflow_execution
    if (its_parent.workflow_id, its_parent.run_id) != (parent.workflow_id, parent.run_id):
        return False
    return not first_run_id or execution.started.first_execution_run_id == first_run_id


def _unstarted(parent: Execution, initiated_event_id: int) -> ChildWorkflow | None:
    child = parent.children.get(initiated_event_id)
    return child if parent.is_running and child is not None and not child.started_event_id else None


def start_request_id(parent_run_id: str, initiated_event_id: int) -> str:
    """The request id of a child's start: run, event, and the event's version on a cluster."""
    return f"{parent_run_id}:{initiated_event_id}:0"


def _start_request(parent: Execution, child: ChildWorkflow) -> service.StartRequest:
    attributes = child.attributes
    request = StartWorkflowExecutionRequest(
        workflow_id=attributes.workflow_id,
        workflow_type=attributes.workflow_type,
        task_queue=attributes.task_queue,
        cron_schedule=attributes.cron_schedule,
    )
    if parent.started.HasField("priority") or attributes.HasField("priority"):
        request.priority.CopyFrom(priorities.merged(attributes.priority, parent.started.priority))
    copy_fields(
        attributes, request, "input", "header", "workflow_execution_timeout", "workflow_run_timeout",
        "workflow_task_timeout", "retry_policy", "memo", "search_attributes", "versioning_override",
    )  # fmt: skip
    request_id = start_request_id(parent.run_id, child.initiated_event_id)
    initiated = parent.history.event(child.initiated_event_id)
    user_metadata = initiated.user_metadata if initiated.HasField("user_metadata") else None
    itself = WorkflowExecution(workflow_id=parent.workflow_id, run_id=parent.run_id)
    root = parent.started.root_workflow_execution if parent.started.HasField("root_workflow_execution") else itself
    relation = start.Parent(parent.namespace_id, parent.namespace, itself, root, child.initiated_event_id)

    def begin(execution: Execution) -> None:
        started = start.first_run(execution, request, parent=relation)
        start.begin(execution, started, request_id=request_id, user_metadata=user_metadata)
        start.schedule_first_task(execution)
        execution.transition_count = 1  # the first task counts by itself: it waits until the parent knows its child

    return service.StartRequest(
        attributes.namespace_id,
        attributes.workflow_id,
        request_id,
        attributes.workflow_id_reuse_policy,
        WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
        begin,
    )
