"""Running workflows: signalled, asked to cancel, terminated."""

from __future__ import annotations

from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import (
    RequestCancelWorkflowExecutionRequest,
    RequestCancelWorkflowExecutionResponse,
    SignalWorkflowExecutionRequest,
    SignalWorkflowExecutionResponse,
    TerminateWorkflowExecutionRequest,
    TerminateWorkflowExecutionResponse,
)

from wfctl.devserver.core.entities import cancellation, completion, signal, workflow_task
from wfctl.devserver.core.errors import InvalidArgument, NotFound
from wfctl.devserver.core.execution import Execution
from wfctl.devserver.core.validation import length
from wfctl.devserver.engine.runs import Run
from wfctl.devserver.rpc.backend import Backend, Call
from wfctl.devserver.rpc.links import check_links, request_link
from wfctl.devserver.rpc.requests import check_blob, check_execution, check_running


async def signal_workflow_execution(
    backend: Backend, request: SignalWorkflowExecutionRequest, call: Call
) -> SignalWorkflowExecutionResponse:
    namespace = backend.namespaces.resolve(request.namespace)
    _check_signal(backend, request)
    wanted = request.workflow_execution
    run = await backend.runs.find(namespace.id, wanted.workflow_id, wanted.run_id)
    if request.request_id not in run.execution.signal_request_ids:
        backend.runs.step(run, lambda execution: _signal(execution, request))
    await backend.runs.committed(run)
    return SignalWorkflowExecutionResponse(
        link=request_link(run.execution, request.request_id, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED)
    )


def _check_signal(backend: Backend, request: SignalWorkflowExecutionRequest) -> None:
    longest = backend.settings.max_id_length
    check_execution(request, "workflow_execution")
    if not request.signal_name:
        raise InvalidArgument("SignalName is not set on request.")
    if length(request.signal_name) > longest:
        raise InvalidArgument("SignalName length exceeds limit.")
    if length(request.request_id) > longest:
        raise InvalidArgument("RequestId length exceeds limit.")
    check_links(request.links)
    check_blob(request.input.ByteSize(), backend.settings)


def _signal(execution: Execution, request: SignalWorkflowExecutionRequest) -> None:
    check_running(execution)
    workflow_task.check_not_closing(execution)
    signal.signal(
        execution,
        request.signal_name,
        request.input if request.HasField("input") else None,
        request.header if request.HasField("header") else None,
        request.identity,
        request.request_id,
        links=request.links,
    )


async def request_cancel_workflow_execution(
    backend: Backend, request: RequestCancelWorkflowExecutionRequest, call: Call
) -> RequestCancelWorkflowExecutionResponse:
    """A workflow that closed, or was asked before, is not asked again; the call succeeds all the same."""
    run = await _find_in_chain(backend, request)

    def cancel(execution: Execution) -> None:
        cancellation.request_cancel(
            execution, request.reason, request.identity, request.request_id, links=request.links
        )

    if run.execution.is_running:
        _check_chain(run.execution, request.first_execution_run_id)
        if not run.execution.cancel_requested:
            backend.runs.step(run, cancel)
    await backend.runs.committed(run)
    return RequestCancelWorkflowExecutionResponse()


async def terminate_workflow_execution(
    backend: Backend, request: TerminateWorkflowExecutionRequest, call: Call
) -> TerminateWorkflowExecutionResponse:
    run = await _find_in_chain(backend, request)

    def terminate(execution: Execution) -> None:
        check_running(execution)
        _check_chain(execution, request.first_execution_run_id)
        completion.terminate(
            execution,
            request.reason or "terminated by user via frontend",
            request.details if request.HasField("details") else None,
            request.identity or "frontend-service",
            links=request.links,
        )

    backend.runs.step(run, terminate)
    await backend.runs.committed(run)
    return TerminateWorkflowExecutionResponse()


async def _find_in_chain(
    backend: Backend, request: RequestCancelWorkflowExecutionRequest | TerminateWorkflowExecutionRequest
) -> Run:
    """The run that the request names; a first run's id means whichever run of its chain is the newest."""
    namespace = backend.namespaces.resolve(request.namespace)
    check_execution(request, "workflow_execution")
    check_links(request.links)
    wanted = request.workflow_execution
    run_id = "" if request.first_execution_run_id else wanted.run_id
    return await backend.runs.find(namespace.id, wanted.workflow_id, run_id)


def _check_chain(execution: Execution, first_execution_run_id: str) -> None:
    if first_execution_run_id and execution.started.first_execution_run_id != first_execution_run_id:
        raise NotFound("workflow execution not found")


RPCS = {
    "SignalWorkflowExecution": signal_workflow_execution,
    "RequestCancelWorkflowExecution": request_cancel_workflow_execution,
    "TerminateWorkflowExecution": terminate_workflow_execution,
}
