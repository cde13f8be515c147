"""Workflow executions: started, signalled, canceled, terminated; their histories."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from temporalio.api.common.v1 import Link, WorkflowExecution
from temporalio.api.enums.v1 import (
    ContinueAsNewInitiator,
    EventType,
    TaskQueueKind,
    WorkflowExecutionStatus,
    WorkflowIdConflictPolicy,
    WorkflowIdReusePolicy,
)
from temporalio.api.history.v1 import WorkflowExecutionStartedEventAttributes
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    RequestCancelWorkflowExecutionRequest,
    RequestCancelWorkflowExecutionResponse,
    SignalWorkflowExecutionRequest,
    SignalWorkflowExecutionResponse,
    StartWorkflowExecutionRequest,
    StartWorkflowExecutionResponse,
    TerminateWorkflowExecutionRequest,
    TerminateWorkflowExecutionResponse,
)

from wfctl.devserver.core import cron, retry, start
from wfctl.devserver.core.entities import cancellation, completion, signal
from wfctl.devserver.core.errors import InvalidArgument, NotFound
from wfctl.devserver.core.execution import Execution
from wfctl.devserver.engine.runs import Run
from wfctl.devserver.rpc import workflow_tasks
from wfctl.devserver.rpc.backend import Backend, Call
from wfctl.devserver.services import start as service
from wfctl.devserver.services.namespaces import STARTABLE


async def start_workflow_execution(
    backend: Backend, request: StartWorkflowExecutionRequest, call: Call
) -> StartWorkflowExecutionResponse:
    check_start_request(backend, request.namespace, request)
    started = await start_run(backend, request)
    response = start_response(started.run, created=started.created)
    if request.request_eager_execution and started.created and started.run.execution.workflow_task.is_scheduled:
        task = workflow_tasks.start_task(backend, started.run, request.identity, sticky=False)
        response.eager_workflow_task.MergeFromString(task)
    await backend.runs.committed(started.run)
    return response


def check_start_request(backend: Backend, namespace_name: str, request: StartWorkflowExecutionRequest) -> None:
    """Raises for what no workflow can be started with."""
    namespace = backend.namespaces.resolve(namespace_name, STARTABLE)
    if not request.workflow_type.name:
        raise InvalidArgument("WorkflowType is not set on request.")
    namespace.check_search_attributes(request.search_attributes, backend.settings)


async def start_run(
    backend: Backend, request: StartWorkflowExecutionRequest, also: Callable[[Execution], None] | None = None
) -> service.Started:
    """Start the workflow, or find the one that stands for it. `also`: what else a new run begins with."""
    namespace = backend.namespaces.resolve(request.namespace)
    run_id = backend.runs.new_id()

    def begin(execution: Execution) -> None:
        start.begin(
            execution,
            started_attributes(backend, request, execution),
            request_id=request.request_id,
            links=request.links,
            user_metadata=request.user_metadata if request.HasField("user_metadata") else None,
        )
        start.schedule_first_task(execution, dispatch=not request.request_eager_execution)
        if also is not None:
            also(execution)

    return await service.start_workflow_execution(
        backend.runs,
        service.StartRequest(
            namespace.id,
            request.workflow_id,
            request.request_id,
            request.workflow_id_reuse_policy or WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
            request.workflow_id_conflict_policy or WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
            begin,
        ),
        run_id,
    )


def start_response(run: Run, *, created: bool) -> StartWorkflowExecutionResponse:
    execution = run.execution
    link = Link.WorkflowEvent(namespace=execution.namespace, workflow_id=execution.workflow_id, run_id=execution.run_id)
    link.event_ref.event_id = 1
    link.event_ref.event_type = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED
    return StartWorkflowExecutionResponse(
        run_id=execution.run_id,
        started=created,
        status=execution.status or WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING,
        link=Link(workflow_event=link),
        first_execution_run_id=execution.started.first_execution_run_id,
    )


def started_attributes(
    backend: Backend, request: StartWorkflowExecutionRequest, execution: Execution
) -> WorkflowExecutionStartedEventAttributes:
    """The first event's attributes, with the server's defaults filled in and timeouts capped by one another."""
    attributes = WorkflowExecutionStartedEventAttributes(
        workflow_type=request.workflow_type,
        task_queue=TaskQueue(name=request.task_queue.name, kind=TaskQueueKind.TASK_QUEUE_KIND_NORMAL),
        original_execution_run_id=execution.run_id,
        first_execution_run_id=execution.run_id,
        identity=request.identity,
        attempt=1,
        cron_schedule=request.cron_schedule,
        workflow_id=request.workflow_id,
        priority=request.priority,
    )
    for name in ("input", "memo", "search_attributes", "header"):
        if request.HasField(name):
            getattr(attributes, name).CopyFrom(getattr(request, name))
    if request.HasField("search_attributes"):
        namespace = backend.namespaces.by_id(execution.namespace_id)
        namespace.type_payloads(attributes.search_attributes)
    if request.HasField("retry_policy"):
        attributes.retry_policy.CopyFrom(retry.with_defaults(request.retry_policy))
    backoff = request.workflow_start_delay.ToTimedelta()
    if request.cron_schedule:
        attributes.initiator = ContinueAsNewInitiator.CONTINUE_AS_NEW_INITIATOR_CRON_SCHEDULE
        backoff = cron.backoff(request.cron_schedule, execution.now, execution.now) or timedelta()
    attributes.first_workflow_task_backoff.FromTimedelta(backoff)
    _set_timeouts(backend, request, execution, attributes, backoff)
    return attributes


def _set_timeouts(
    backend: Backend,
    request: StartWorkflowExecutionRequest,
    execution: Execution,
    attributes: WorkflowExecutionStartedEventAttributes,
    backoff: timedelta,
) -> None:
    settings = backend.settings
    execution_timeout = request.workflow_execution_timeout.ToTimedelta()
    run_timeout = request.workflow_run_timeout.ToTimedelta()
    if execution_timeout:
        run_timeout = min(run_timeout, execution_timeout) if run_timeout else execution_timeout
        attributes.workflow_execution_timeout.FromTimedelta(execution_timeout)
        attributes.workflow_execution_expiration_time.FromDatetime(execution.now + execution_timeout + backoff)
    if run_timeout:
        attributes.workflow_run_timeout.FromTimedelta(run_timeout)
    task_timeout = request.workflow_task_timeout.ToTimedelta() or timedelta(
        seconds=settings.workflow_task_timeout_seconds
    )
    task_timeout = min(task_timeout, timedelta(seconds=settings.workflow_task_timeout_max_seconds))
    if run_timeout:
        task_timeout = min(task_timeout, run_timeout)
    attributes.workflow_task_timeout.FromTimedelta(task_timeout)


async def signal_workflow_execution(
    backend: Backend, request: SignalWorkflowExecutionRequest, call: Call
) -> SignalWorkflowExecutionResponse:
    run = await _find_running(backend, request.namespace, request.workflow_execution)
    backend.runs.step(
        run,
        lambda execution: signal.signal(
            execution,
            request.signal_name,
            request.input if request.HasField("input") else None,
            request.header if request.HasField("header") else None,
            request.identity,
            request.request_id,
            links=request.links,
        ),
    )
    await backend.runs.committed(run)
    return SignalWorkflowExecutionResponse()


async def _find_running(backend: Backend, namespace_name: str, wanted: WorkflowExecution) -> Run:
    namespace = backend.namespaces.resolve(namespace_name)
    run = await backend.runs.find(namespace.id, wanted.workflow_id, wanted.run_id)
    if not run.execution.is_running:
        raise NotFound("workflow execution already completed")
    return run


async def request_cancel_workflow_execution(
    backend: Backend, request: RequestCancelWorkflowExecutionRequest, call: Call
) -> RequestCancelWorkflowExecutionResponse:
    namespace = backend.namespaces.resolve(request.namespace)
    wanted = request.workflow_execution
    run = await backend.runs.find(namespace.id, wanted.workflow_id, wanted.run_id)
    if run.execution.is_running:
        backend.runs.step(
            run,
            lambda execution: cancellation.request_cancel(
                execution, request.reason, request.identity, request.request_id, links=request.links
            ),
        )
        await backend.runs.committed(run)
    return RequestCancelWorkflowExecutionResponse()


async def terminate_workflow_execution(
    backend: Backend, request: TerminateWorkflowExecutionRequest, call: Call
) -> TerminateWorkflowExecutionResponse:
    run = await _find_running(backend, request.namespace, request.workflow_execution)
    backend.runs.step(
        run,
        lambda execution: completion.terminate(
            execution,
            request.reason,
            request.details if request.HasField("details") else None,
            request.identity,
            links=request.links,
        ),
    )
    await backend.runs.committed(run)
    return TerminateWorkflowExecutionResponse()


RPCS = {
    "StartWorkflowExecution": start_workflow_execution,
    "SignalWorkflowExecution": signal_workflow_execution,
    "RequestCancelWorkflowExecution": request_cancel_workflow_execution,
    "TerminateWorkflowExecution": terminate_workflow_execution,
}
