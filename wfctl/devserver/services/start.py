"""Starting workflows: what the id policies say about a workflow id that is in use or was used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from temporalio.api.enums.v1 import WorkflowExecutionStatus, WorkflowIdConflictPolicy, WorkflowIdReusePolicy

from wfctl.devserver.core.entities import completion
from wfctl.devserver.core.errors import WorkflowExecutionAlreadyStarted
from wfctl.devserver.core.execution import Execution
from wfctl.devserver.core.payloads import text_payloads
from wfctl.devserver.engine.runs import Run, Runs

Conflict = WorkflowIdConflictPolicy
Reuse = WorkflowIdReusePolicy
_FAILED = (
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_FAILED,
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_CANCELED,
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TERMINATED,
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TIMED_OUT,
)


@dataclass(frozen=True, slots=True)
class StartRequest:
    """A wish for a run of this workflow id; `begin` records its first events."""

    namespace_id: str
    workflow_id: str
    request_id: str
    reuse: Reuse.ValueType
    conflict: Conflict.ValueType
    begin: Callable[[Execution], None]


@dataclass(frozen=True, slots=True)
class Started:
    run: Run
    created: bool


async def start_workflow_execution(runs: Runs, request: StartRequest, run_id: str) -> Started:
    """Create the run, or find the one that stands for it. Raises WorkflowExecutionAlreadyStarted."""
    workflow = (request.namespace_id, request.workflow_id)
    while True:
        current = await runs.find_or_none(*workflow)
        newest = runs.current.get(workflow)
        if newest is None or (current is not None and newest == current.key):
            break  # nobody started another one while we looked
    if current is not None:
        execution = current.execution
        if request.request_id and request.request_id == start_request_id(execution):
            return Started(current, created=True)
        if execution.is_running:
            if request.conflict == Conflict.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING:
                return Started(current, created=False)
            if request.conflict != Conflict.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING:
                raise _already_started(execution, "Workflow execution is already running")
            runs.step(current, lambda execution: terminate_for(execution, run_id))
        else:
            _check_reuse(execution, request.reuse)
    return Started(runs.create(*workflow, run_id, request.begin), created=True)


def terminate_for(execution: Execution, new_run_id: str) -> None:
    """End a run because another one takes its workflow id."""
    completion.terminate(
        execution,
        "TerminateIfRunning WorkflowIdReusePolicy",
        text_payloads(f"terminated by new runID: {new_run_id}"),
        "history-service",
    )


def _check_reuse(execution: Execution, reuse: Reuse.ValueType) -> None:
    if reuse == Reuse.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE:
        raise _already_started(execution, "Workflow execution already finished")
    if reuse == Reuse.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY and execution.status not in _FAILED:
        raise _already_started(execution, "Workflow execution already finished successfully")


def _already_started(execution: Execution, what: str) -> WorkflowExecutionAlreadyStarted:
    return WorkflowExecutionAlreadyStarted(
        f"{what}. WorkflowId: {execution.workflow_id}, RunId: {execution.run_id}.",
        start_request_id(execution),
        execution.run_id,
        execution.started.first_execution_run_id,
    )


def start_request_id(execution: Execution) -> str:
    return next((request_id for request_id, event_id in execution.request_ids.items() if event_id == 1), "")
