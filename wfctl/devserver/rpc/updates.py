"""Workflow updates: asked for, waited for."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from temporalio.api.common.v1 import Link, WorkflowExecution
from temporalio.api.enums.v1 import EventType, UpdateWorkflowExecutionLifecycleStage
from temporalio.api.update.v1 import Outcome, UpdateRef
from temporalio.api.workflowservice.v1 import (
    PollWorkflowExecutionUpdateRequest,
    PollWorkflowExecutionUpdateResponse,
    UpdateWorkflowExecutionRequest,
    UpdateWorkflowExecutionResponse,
)

from wfctl.devserver.core.entities import update as updates
from wfctl.devserver.core.errors import DeadlineExceeded, InvalidArgument, NotFound, PermissionDenied
from wfctl.devserver.core.execution import Execution
from wfctl.devserver.core.validation import is_uuid, length
from wfctl.devserver.engine.runs import Run
from wfctl.devserver.engine.updates import Waiter
from wfctl.devserver.rpc import requests
from wfctl.devserver.rpc.backend import Backend, Call
from wfctl.devserver.rpc.links import check_links, request_link

Stage = UpdateWorkflowExecutionLifecycleStage
UNSPECIFIED = Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_UNSPECIFIED
ADMITTED = Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ADMITTED
ACCEPTED = Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED
COMPLETED = Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an update got, and its outcome if it is completed."""

    stage: Stage.ValueType
    outcome: Outcome | None = None


# -- the request ----------------------------------------------------------------------------------------------------


def check_request(backend: Backend, request: UpdateWorkflowExecutionRequest) -> None:
    """Raises InvalidArgument, PermissionDenied. Fills in an update id and the default stage."""
    requests.check_execution(request, "workflow_execution")
    asked = request.request
    if not asked.HasField("meta"):
        raise InvalidArgument("Update meta is not set on request.")
    if length(asked.meta.update_id) > backend.settings.max_id_length:
        raise InvalidArgument("UpdateId length exceeds limit.")
    if not asked.meta.update_id:
        asked.meta.update_id = str(uuid.uuid4())
    if not asked.HasField("input"):
        raise InvalidArgument("Update input is not set on request.")
    if not asked.input.name:
        raise InvalidArgument("Update name is not set on request.")
    if request.wait_policy.lifecycle_stage == UNSPECIFIED:
        request.wait_policy.lifecycle_stage = COMPLETED
    if request.wait_policy.lifecycle_stage == ADMITTED:
        raise PermissionDenied(
            "UpdateWorkflowExecution issued asynchronously and waiting on update admitted is not supported."
        )
    check_links(asked.links)


async def update_workflow_execution(
    backend: Backend, request: UpdateWorkflowExecutionRequest, call: Call
) -> UpdateWorkflowExecutionResponse:
    namespace = backend.namespaces.resolve(request.namespace)
    check_request(backend, request)
    wanted = request.workflow_execution
    run = await backend.runs.find(namespace.id, wanted.workflow_id, wanted.run_id)
    if request.first_execution_run_id not in ("", run.execution.started.first_execution_run_id):
        raise NotFound("workflow execution not found")
    with backend.updates.waiting(run, request.request.meta.update_id) as waiter:
        admit(backend, run, request)
        progress = await wait_for_stage(backend, run, request, waiter, call)
    return response(run, request, progress)


def admit(backend: Backend, run: Run, request: UpdateWorkflowExecutionRequest) -> None:
    """Let the run know of the update, unless it does. Raises what speaks against it."""
    execution = run.execution
    if not execution.is_running and updates.outcome(execution, request.request.meta.update_id):
        return
    updates.check_admissible(execution)
    if not execution.updates.is_known(request.request.meta.update_id):
        backend.runs.step(run, lambda execution: updates.admit(execution, request.request))


def response(run: Run, request: UpdateWorkflowExecutionRequest, progress: Progress) -> UpdateWorkflowExecutionResponse:
    execution = run.execution
    answer = UpdateWorkflowExecutionResponse(
        update_ref=_reference(execution, request.request.meta.update_id),
        outcome=progress.outcome,
        stage=progress.stage,
    )
    if progress.outcome is not None and progress.outcome.HasField("failure"):
        # Said of every failed update, rejected or not, by the real server too.
        answer.link.workflow.CopyFrom(
            Link.Workflow(
                namespace=execution.namespace,
                workflow_id=execution.workflow_id,
                run_id=execution.run_id,
                reason="Update rejected",
            )
        )
    elif progress.stage in (ACCEPTED, COMPLETED):
        event_type = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED
        answer.link.CopyFrom(request_link(execution, request.request.request_id, event_type))
    return answer


def _reference(execution: Execution, update_id: str) -> UpdateRef:
    return UpdateRef(
        workflow_execution=WorkflowExecution(workflow_id=execution.workflow_id, run_id=execution.run_id),
        update_id=update_id,
    )


# -- waiting --------------------------------------------------------------------------------------------------------


async def poll_workflow_execution_update(
    backend: Backend, request: PollWorkflowExecutionUpdateRequest, call: Call
) -> PollWorkflowExecutionUpdateResponse:
    namespace = backend.namespaces.resolve(request.namespace)
    if not request.HasField("update_ref"):
        raise InvalidArgument("UpdateRef is not set on request.")
    wanted, update_id = request.update_ref.workflow_execution, request.update_ref.update_id
    if not wanted.workflow_id:
        raise InvalidArgument("Can't load workflow execution.  WorkflowId not set.")
    if wanted.run_id and not is_uuid(wanted.run_id):
        raise InvalidArgument("RunId is not valid UUID.")
    run = await backend.runs.find(namespace.id, wanted.workflow_id, wanted.run_id)
    with backend.updates.waiting(run, update_id) as waiter:
        await backend.runs.committed(run)
        if progress_of(run.execution, update_id, waiter) is None:
            raise NotFound(f'update "{update_id}" not found')
        progress = await wait_for_stage(backend, run, request, waiter, call)
    return PollWorkflowExecutionUpdateResponse(
        outcome=progress.outcome,
        stage=progress.stage,
        update_ref=_reference(run.execution, update_id),
    )


async def wait_for_stage(
    backend: Backend,
    run: Run,
    request: UpdateWorkflowExecutionRequest | PollWorkflowExecutionUpdateRequest,
    waiter: Waiter,
    call: Call,
) -> Progress:
    """Until the update got as far as the client wants, or the long poll is over; then how far it got.

    Raises the error with which the update was given up.
    """
    if isinstance(request, UpdateWorkflowExecutionRequest):
        update_id = request.request.meta.update_id
    else:
        update_id = request.update_ref.update_id
    wanted, longest = request.wait_policy.lifecycle_stage, backend.settings.update_long_poll_seconds
    deadline = call.received_at + longest
    remaining = call.remaining_seconds()

    def reached() -> bool:
        progress = progress_of(run.execution, update_id, waiter)
        return progress is None or progress.stage >= wanted or run.dropped

    left = min(deadline - call.time(), longest if remaining is None else remaining)
    in_time = await backend.runs.wait(run, reached, left)
    if not in_time and remaining is not None and remaining < longest:
        raise DeadlineExceeded("context deadline exceeded")
    progress = progress_of(run.execution, update_id, waiter)
    if progress is None:
        raise NotFound(f'update "{update_id}" not found')
    return progress


def progress_of(execution: Execution, update_id: str, waiter: Waiter) -> Progress | None:
    """None for an update that nobody knows of. Raises the error with which the update was given up."""
    if waiter.ended is not None:
        if waiter.ended.error is not None:
            raise waiter.ended.error
        return Progress(COMPLETED, Outcome(failure=waiter.ended.failure))
    if outcome := updates.outcome(execution, update_id):
        return Progress(COMPLETED, outcome)
    state = execution.updates.state(update_id)
    if state is None:
        return None
    return Progress(ACCEPTED if state is updates.State.Accepted else ADMITTED)


RPCS = {
    "UpdateWorkflowExecution": update_workflow_execution,
    "PollWorkflowExecutionUpdate": poll_workflow_execution_update,
}
