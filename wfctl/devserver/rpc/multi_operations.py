"""ExecuteMultiOperation: start a workflow, or use the one there is, and update it, in one commit."""

from __future__ import annotations

from collections.abc import Callable

from temporalio.api.enums.v1 import WorkflowIdConflictPolicy
from temporalio.api.workflowservice.v1 import (
    ExecuteMultiOperationRequest,
    ExecuteMultiOperationResponse,
    StartWorkflowExecutionRequest,
    StartWorkflowExecutionResponse,
    UpdateWorkflowExecutionRequest,
    UpdateWorkflowExecutionResponse,
)

from wfctl.devserver.core.entities import update
from wfctl.devserver.core.errors import (
    InvalidArgument,
    MultiOperationAborted,
    MultiOperationFailed,
    ServiceError,
    Unavailable,
)
from wfctl.devserver.core.execution import Execution
from wfctl.devserver.engine.runs import Run
from wfctl.devserver.rpc import starts, updates
from wfctl.devserver.rpc.backend import Backend, Call
from wfctl.devserver.services import start as service

USE_EXISTING = WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
FAILED = "Update-with-Start could not be executed."


async def execute_multi_operation(
    backend: Backend, request: ExecuteMultiOperationRequest, call: Call
) -> ExecuteMultiOperationResponse:
    namespace = backend.namespaces.resolve(request.namespace)
    kinds = [operation.WhichOneof("operation") for operation in request.operations]
    if kinds != ["start_workflow", "update_workflow"]:
        raise InvalidArgument("Operations have to be exactly [Start, Update].")
    start, wanted = request.operations[0].start_workflow, request.operations[1].update_workflow
    _check(backend, request.namespace, start, wanted)
    start.namespace = wanted.namespace = request.namespace
    run = await backend.runs.find_or_none(namespace.id, start.workflow_id)
    if run is not None:
        if (answer := _already_completed(run, wanted)) is not None:
            return answer
        if run.execution.is_running and _uses(run.execution, start, wanted):
            return await _update_existing(backend, run, wanted, call)
    return await _start_and_update(backend, start, wanted, call)


# -- the request ----------------------------------------------------------------------------------------------------


def _check(
    backend: Backend,
    namespace: str,
    start: StartWorkflowExecutionRequest,
    wanted: UpdateWorkflowExecutionRequest,
) -> None:
    """Raises MultiOperationFailed, with an error for each operation."""
    of_start = _error_of(lambda: _check_start(backend, namespace, start))
    of_update = _error_of(lambda: _check_update(backend, namespace, wanted))
    if of_start is None and of_update is None and start.workflow_id != wanted.workflow_execution.workflow_id:
        of_update = InvalidArgument("WorkflowId is not consistent with previous operation(s).")
    if of_start is not None or of_update is not None:
        raise _failed(of_start or MultiOperationAborted(), of_update or MultiOperationAborted())


def _error_of(check: Callable[[], None]) -> ServiceError | None:
    try:
        check()
    except ServiceError as error:
        return error
    return None


def _failed(of_start: ServiceError | None, of_update: ServiceError) -> MultiOperationFailed:
    return MultiOperationFailed(FAILED, (of_start, of_update))


def _check_start(backend: Backend, namespace: str, start: StartWorkflowExecutionRequest) -> None:
    _check_namespace(namespace, start.namespace)
    starts.check_start_request(backend, namespace, start)
    if start.cron_schedule:
        raise InvalidArgument("CronSchedule is not allowed.")
    if start.request_eager_execution:
        raise InvalidArgument("RequestEagerExecution is not supported.")
    if start.workflow_start_delay.ToTimedelta():
        raise InvalidArgument("WorkflowStartDelay is not supported.")


def _check_update(backend: Backend, namespace: str, wanted: UpdateWorkflowExecutionRequest) -> None:
    _check_namespace(namespace, wanted.namespace)
    updates.check_request(backend, wanted)
    if wanted.first_execution_run_id:
        raise InvalidArgument("FirstExecutionRunId is not allowed.")
    if wanted.workflow_execution.run_id:
        raise InvalidArgument("RunId is not allowed.")


def _check_namespace(of_request: str, of_operation: str) -> None:
    if of_operation not in ("", of_request):
        raise InvalidArgument("Operation namespace did not match request's namespace.")


# -- a workflow that is there ---------------------------------------------------------------------------------------


def _already_completed(run: Run, wanted: UpdateWorkflowExecutionRequest) -> ExecuteMultiOperationResponse | None:
    """The same update was asked for and is done: the same answer again."""
    execution, update_id = run.execution, wanted.request.meta.update_id
    if execution.updates.state(update_id) is not update.State.Completed:
        return None
    answer = updates.response(run, wanted, updates.Progress(updates.COMPLETED, update.outcome(execution, update_id)))
    answer.ClearField("link")
    started = StartWorkflowExecutionResponse(run_id=execution.run_id, started=False, status=execution.status)
    return _response(started, answer)


def _uses(execution: Execution, start: StartWorkflowExecutionRequest, wanted: UpdateWorkflowExecutionRequest) -> bool:
    return (
        start.workflow_id_conflict_policy == USE_EXISTING
        or execution.updates.is_known(wanted.request.meta.update_id)
        or (bool(start.request_id) and start.request_id == service.start_request_id(execution))
    )


async def _update_existing(
    backend: Backend, run: Run, wanted: UpdateWorkflowExecutionRequest, call: Call
) -> ExecuteMultiOperationResponse:
    started = starts.start_response(run, created=False)
    started.ClearField("first_execution_run_id")
    with backend.updates.waiting(run, wanted.request.meta.update_id) as waiter:
        try:
            updates.admit(backend, run, wanted)
            progress = await updates.wait_for_stage(backend, run, wanted, waiter, call)
        except ServiceError as error:
            raise _failed(MultiOperationAborted(), error) from error
    return _response(started, updates.response(run, wanted, progress))


# -- a new workflow -------------------------------------------------------------------------------------------------


async def _start_and_update(
    backend: Backend,
    start: StartWorkflowExecutionRequest,
    wanted: UpdateWorkflowExecutionRequest,
    call: Call,
) -> ExecuteMultiOperationResponse:
    try:
        started = await starts.start_run(backend, start, also=lambda execution: update.admit(execution, wanted.request))
        if not started.created or not started.run.execution.updates.is_known(wanted.request.meta.update_id):
            raise Unavailable("Workflow was not started.")  # somebody else started it meanwhile: clients try again
    except ServiceError as error:
        raise _failed(error, MultiOperationAborted()) from error
    run = started.run
    response = starts.start_response(run, created=True)
    with backend.updates.waiting(run, wanted.request.meta.update_id) as waiter:
        try:
            progress = await updates.wait_for_stage(backend, run, wanted, waiter, call)
        except ServiceError as error:
            raise _failed(None, error) from error
    return _response(response, updates.response(run, wanted, progress))


def _response(
    started: StartWorkflowExecutionResponse, updated: UpdateWorkflowExecutionResponse
) -> ExecuteMultiOperationResponse:
    response = ExecuteMultiOperationResponse()
    response.responses.add(start_workflow=started)
    response.responses.add(update_workflow=updated)
    return response


RPCS = {"ExecuteMultiOperation": execute_multi_operation}
