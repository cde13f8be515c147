"""Starting workflows: what the id policies say about a workflow id that is in use or was used.

Rule. Between `current_run` and what is done about it, nothing may be awaited: then nobody else can take the id.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from temporalio.api.enums.v1 import WorkflowExecutionStatus, WorkflowIdConflictPolicy, WorkflowIdReusePolicy

from wfctl.devserver.core.entities import completion, options
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
    # What to attach to a running workflow that is used instead of a new one.
    attach: options.Attachment | None = None

    def __post_init__(self) -> None:
        """The deprecated reuse policy is a conflict policy by today's names."""
        if self.reuse == Reuse.WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING:
            object.__setattr__(self, "reuse", Reuse.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE)
            object.__setattr__(self, "conflict", Conflict.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING)


class Outcome(Enum):
    NEW = "new"
    REUSED = "reused"  # a running workflow stands for the wanted one
    ATTACHED = "attached"  # … and the request is attached to it
    DEDUPED = "deduped"  # this very request started the run before


@dataclass(frozen=True, slots=True)
class Started:
    run: Run
    outcome: Outcome

    @property
    def created(self) -> bool:
        """What the response calls `started`: a repeated request is told the same as the first."""
        return self.outcome in (Outcome.NEW, Outcome.DEDUPED)


async def start_workflow_execution(runs: Runs, request: StartRequest, run_id: str) -> Started:
    """Create the run, or find the one that stands for it. Raises WorkflowExecutionAlreadyStarted."""
    current = await current_run(runs, request.namespace_id, request.workflow_id)
    return start_now(runs, request, run_id, current)


async def current_run(runs: Runs, namespace_id: str, workflow_id: str) -> Run | None:
    """The newest run of the workflow id, if there is any."""
    while True:
        current = await runs.find_or_none(namespace_id, workflow_id)
        newest = runs.current.get((namespace_id, workflow_id))
        if newest is None or (current is not None and newest == current.key):
            return current  # nobody started another one while we looked


def start_now(runs: Runs, request: StartRequest, run_id: str, current: Run | None) -> Started:
    """Decide about the id's current run, at once. Raises WorkflowExecutionAlreadyStarted."""
    if current is not None:
        if known := _deduplicated(current, request):
            return known
        if not current.execution.is_running:
            _check_reuse(current.execution, request.reuse)
        elif request.conflict == Conflict.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING:
            return _use(runs, current, request)
        elif request.conflict == Conflict.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING:
            runs.step(current, lambda execution: terminate_for(execution, run_id))
        else:
            raise _already_started(current.execution, "Workflow execution is already running.")
    run = runs.create(request.namespace_id, request.workflow_id, run_id, request.begin)
    return Started(run, Outcome.NEW)


def _deduplicated(current: Run, request: StartRequest) -> Started | None:
    event_id = current.execution.request_ids.get(request.request_id) if request.request_id else None
    if event_id is None:
        return None
    return Started(current, Outcome.DEDUPED if event_id == 1 else Outcome.ATTACHED)


def _use(runs: Runs, current: Run, request: StartRequest) -> Started:
    attach = request.attach
    if attach is None:
        return Started(current, Outcome.REUSED)
    runs.step(current, lambda execution: options.attach(execution, attach))
    return Started(current, Outcome.ATTACHED if attach.request_id else Outcome.REUSED)


def terminate_for(execution: Execution, new_run_id: str) -> None:
    """End a run because another one takes its workflow id."""
    completion.terminate(
        execution,
        "TerminateIfRunning WorkflowIdReusePolicy",
        text_payloads(f"terminated by new runID: {new_run_id}"),
        completion.SERVER,
    )


def _check_reuse(execution: Execution, reuse: Reuse.ValueType) -> None:
    if reuse == Reuse.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE:
        raise _already_started(execution, "Workflow execution already finished.", "reject duplicate workflow Id")
    if reuse == Reuse.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY and execution.status not in _FAILED:
        raise _already_started(
            execution,
            "Workflow execution already finished successfully.",
            "allow duplicate workflow Id if last run failed",
        )


def _already_started(execution: Execution, what: str, policy: str = "") -> WorkflowExecutionAlreadyStarted:
    where = f"WorkflowId: {execution.workflow_id}, RunId: {execution.run_id}."
    return WorkflowExecutionAlreadyStarted(
        f"{what} {where} Workflow Id reuse policy: {policy}." if policy else f"{what} {where}",
        start_request_id(execution),
        execution.run_id,
        execution.started.first_execution_run_id,
    )


def start_request_id(execution: Execution) -> str:
    """The id of the request that started the run."""
    return next((request_id for request_id, event_id in execution.request_ids.items() if event_id == 1), "")
