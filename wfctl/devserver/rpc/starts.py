"""Starting workflows, alone or with a first signal."""

from __future__ import annotations

from collections.abc import Callable

from temporalio.api.enums.v1 import EventType, WorkflowIdConflictPolicy
from temporalio.api.workflowservice.v1 import (
    SignalWithStartWorkflowExecutionRequest,
    SignalWithStartWorkflowExecutionResponse,
    StartWorkflowExecutionRequest,
    StartWorkflowExecutionResponse,
)

from wfctl.devserver.core import start
from wfctl.devserver.core.entities import options, signal, workflow_task
from wfctl.devserver.core.execution import Execution
from wfctl.devserver.core.namespace import Namespace
from wfctl.devserver.core.payloads import copy_fields
from wfctl.devserver.engine.runs import Run
from wfctl.devserver.rpc import workflow_tasks
from wfctl.devserver.rpc.backend import Backend, Call
from wfctl.devserver.rpc.links import request_link, started_link
from wfctl.devserver.rpc.start_requests import check_signal_with_start, check_start
from wfctl.devserver.services import start as service
from wfctl.devserver.services.namespaces import STARTABLE

USE_EXISTING = WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
FIRST_TASK_STARTED_EVENT_ID = 3


async def start_workflow_execution(
    backend: Backend, request: StartWorkflowExecutionRequest, call: Call
) -> StartWorkflowExecutionResponse:
    check_start_request(backend, request.namespace, request)
    started = await start_run(backend, request)
    response = _response(started, request.request_id)
    if request.request_eager_execution and (task := _eager_task(backend, started, request.identity)):
        response.eager_workflow_task.MergeFromString(task)
    await backend.runs.committed(started.run)
    return response


def check_start_request(backend: Backend, namespace_name: str, request: StartWorkflowExecutionRequest) -> None:
    """Raises for what no workflow can be started with. Fills in the request's id and policies."""
    namespace = backend.namespaces.resolve(namespace_name, STARTABLE)
    check_start(namespace, request, backend.settings, backend.clock)
    request.request_id = request.request_id or backend.runs.new_id()


async def start_run(
    backend: Backend, request: StartWorkflowExecutionRequest, also: Callable[[Execution], None] | None = None
) -> service.Started:
    """Start the workflow, or find the one that stands for it. `also`: what else a new run begins with."""
    namespace = backend.namespaces.resolve(request.namespace, STARTABLE)

    def begin(execution: Execution) -> None:
        eager = request.request_eager_execution and not start.first_backoff(request, execution.now)
        _begin(execution, namespace, request, eager=eager)
        start.schedule_first_task(execution, dispatch=not eager)
        if also is not None:
            also(execution)

    wanted = service.StartRequest(
        namespace.id,
        request.workflow_id,
        request.request_id,
        request.workflow_id_reuse_policy,
        request.workflow_id_conflict_policy,
        begin,
        _attachment(request),
    )
    return await service.start_workflow_execution(backend.runs, wanted, backend.runs.new_id())


def _begin(
    execution: Execution, namespace: Namespace, request: StartWorkflowExecutionRequest, *, eager: bool = False
) -> None:
    attributes = start.first_run(execution, request, eager=eager)
    namespace.type_payloads(attributes.search_attributes)
    of_callbacks = [link for callback in request.completion_callbacks for link in callback.links]
    start.begin(
        execution,
        attributes,
        request_id=request.request_id,
        links=[link for link in request.links if link not in of_callbacks],
        user_metadata=request.user_metadata if request.HasField("user_metadata") else None,
    )


def _attachment(request: StartWorkflowExecutionRequest) -> options.Attachment | None:
    """What a running workflow gets of a request that uses it."""
    if not request.HasField("on_conflict_options"):
        return None
    wanted = request.on_conflict_options
    return options.Attachment(
        request.request_id if wanted.attach_request_id else "",
        tuple(request.completion_callbacks) if wanted.attach_completion_callbacks else (),
        tuple(request.links) if wanted.attach_links else (),
    )


def _eager_task(backend: Backend, started: service.Started, identity: str) -> bytes:
    """The first workflow task for a client that is a worker too, if nobody else has it; again for a repeated request."""
    task = started.run.execution.workflow_task
    if started.outcome is service.Outcome.NEW and task.is_scheduled:
        return workflow_tasks.start_task(backend, started.run, identity, sticky=False)
    if (
        started.outcome is service.Outcome.DEDUPED
        and task.is_started
        and task.started_event_id == FIRST_TASK_STARTED_EVENT_ID
        and task.attempt == 1
    ):
        return workflow_tasks.started_task(backend, started.run, [], sticky=False)
    return b""


def start_response(run: Run, *, created: bool) -> StartWorkflowExecutionResponse:
    """`created`: the run is there because of this request."""
    execution = run.execution
    return StartWorkflowExecutionResponse(
        run_id=execution.run_id,
        started=created,
        status=execution.status,
        link=started_link(execution),
        first_execution_run_id=execution.started.first_execution_run_id,
    )


def _response(started: service.Started, request_id: str) -> StartWorkflowExecutionResponse:
    response = start_response(started.run, created=started.created)
    if started.outcome is service.Outcome.ATTACHED:
        event_type = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED
        response.link.CopyFrom(request_link(started.run.execution, request_id, event_type))
    return response


# -- with a first signal --------------------------------------------------------------------------------------------


async def signal_with_start_workflow_execution(
    backend: Backend, request: SignalWithStartWorkflowExecutionRequest, call: Call
) -> SignalWithStartWorkflowExecutionResponse:
    namespace = backend.namespaces.resolve(request.namespace, STARTABLE)
    check_signal_with_start(namespace, request, backend.settings, backend.clock)
    request.request_id = request.request_id or backend.runs.new_id()
    current = await service.current_run(backend.runs, namespace.id, request.workflow_id)
    if current is not None and current.execution.is_running and request.workflow_id_conflict_policy == USE_EXISTING:
        run, created = current, False
        backend.runs.step(run, lambda execution: _signal_running(execution, request))
    else:
        run, created = _start_with_signal(backend, namespace, request, current), True
    await backend.runs.committed(run)
    execution = run.execution
    return SignalWithStartWorkflowExecutionResponse(
        run_id=execution.run_id,
        started=created,
        signal_link=request_link(execution, request.request_id, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED),
        first_execution_run_id=execution.started.first_execution_run_id,
    )


def _start_with_signal(
    backend: Backend,
    namespace: Namespace,
    request: SignalWithStartWorkflowExecutionRequest,
    current: Run | None,
) -> Run:
    start_request = _start_request(request)

    def begin(execution: Execution) -> None:
        _begin(execution, namespace, start_request)
        _signal(execution, request)
        start.schedule_first_task(execution)

    wanted = service.StartRequest(
        namespace.id,
        request.workflow_id,
        "",  # a repeated request is known by its signal
        request.workflow_id_reuse_policy,
        request.workflow_id_conflict_policy,
        begin,
    )
    return service.start_now(backend.runs, wanted, backend.runs.new_id(), current).run


def _signal_running(execution: Execution, request: SignalWithStartWorkflowExecutionRequest) -> None:
    """The signal ends a start delay: it was meant for a workflow that starts now."""
    if _signal(execution, request) and not execution.workflow_task.is_pending:
        workflow_task.schedule(execution)


def _signal(execution: Execution, request: SignalWithStartWorkflowExecutionRequest) -> bool:
    event = signal.signal(
        execution,
        request.signal_name,
        request.signal_input if request.HasField("signal_input") else None,
        request.header if request.HasField("header") else None,
        request.identity,
        request.request_id,
        links=request.links,
        schedule=False,
    )
    return event is not None


def _start_request(request: SignalWithStartWorkflowExecutionRequest) -> StartWorkflowExecutionRequest:
    """The start in a signal-with-start."""
    start_request = StartWorkflowExecutionRequest(
        namespace=request.namespace,
        workflow_id=request.workflow_id,
        identity=request.identity,
        request_id=request.request_id,
        cron_schedule=request.cron_schedule,
        links=request.links,
    )
    copy_fields(
        request, start_request, "workflow_type", "task_queue", "input", "workflow_execution_timeout",
        "workflow_run_timeout", "workflow_task_timeout", "retry_policy", "memo", "search_attributes", "header",
        "workflow_start_delay", "user_metadata", "versioning_override", "priority",
    )  # fmt: skip
    return start_request


RPCS = {
    "StartWorkflowExecution": start_workflow_execution,
    "SignalWithStartWorkflowExecution": signal_with_start_workflow_execution,
}
