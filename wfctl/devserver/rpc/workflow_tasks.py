"""Workflow tasks: polled, completed, failed."""

from __future__ import annotations

from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import TaskQueueKind, WorkflowTaskFailedCause
from temporalio.api.failure.v1 import Failure
from temporalio.api.workflowservice.v1 import (
    PollWorkflowTaskQueueRequest,
    PollWorkflowTaskQueueResponse,
    RespondWorkflowTaskCompletedRequest,
    RespondWorkflowTaskCompletedResponse,
    RespondWorkflowTaskFailedRequest,
    RespondWorkflowTaskFailedResponse,
)

from wfctl.devserver.core import failures, transitions
from wfctl.devserver.core.entities import workflow_task
from wfctl.devserver.core.errors import BadCommand, InvalidArgument, NotFound
from wfctl.devserver.core.execution import Execution
from wfctl.devserver.core.history import frame, varint
from wfctl.devserver.engine.runs import Run
from wfctl.devserver.matching.queues import WORKFLOW
from wfctl.devserver.rpc import activities, tokens
from wfctl.devserver.rpc.backend import Backend, Call

_HISTORY_TAG = varint(PollWorkflowTaskQueueResponse.DESCRIPTOR.fields_by_name["history"].number << 3 | 2)


async def poll_workflow_task_queue(
    backend: Backend, request: PollWorkflowTaskQueueRequest, call: Call
) -> bytes | PollWorkflowTaskQueueResponse:
    """Waits for a workflow task; answers an empty message when none came in time."""
    namespace = backend.namespaces.resolve(request.namespace)
    queue = backend.queues.get(namespace.id, WORKFLOW, request.task_queue.name)
    deadline = call.poll_deadline(backend.settings.long_poll_seconds)
    queue.pollers.seen(request.identity, backend.clock.now())
    while True:
        task = await queue.take(request.worker_instance_key or request.identity, deadline - call.time())
        queue.pollers.seen(request.identity, backend.clock.now())
        if task is None:
            return PollWorkflowTaskQueueResponse()
        run = await backend.runs.load_or_none(task.run_key)
        if run is None or not backend.runs.is_known_task(run, task.scheduled_event_id):
            continue
        sticky = request.task_queue.kind == TaskQueueKind.TASK_QUEUE_KIND_STICKY
        started = start_task(backend, run, request.identity, sticky=sticky)
        await backend.runs.committed(run)
        return started


def start_task(backend: Backend, run: Run, identity: str, *, sticky: bool) -> bytes:
    """A worker takes the run's workflow task: the poll response, serialized.

    A sticky worker has everything up to the last completed task; any other gets the whole history.
    """
    request_id = backend.runs.new_id()
    backend.runs.step(run, lambda execution: workflow_task.start(execution, request_id, identity))
    execution = run.execution
    task = execution.workflow_task
    previous = execution.last_started_event_id
    response = PollWorkflowTaskQueueResponse(
        task_token=_token(execution),
        workflow_execution=WorkflowExecution(workflow_id=execution.workflow_id, run_id=execution.run_id),
        workflow_type=execution.started.workflow_type,
        previous_started_event_id=previous,
        started_event_id=task.started_event_id,
        attempt=task.attempt,
    )
    response.workflow_execution_task_queue.name = execution.started.task_queue.name
    response.workflow_execution_task_queue.kind = TaskQueueKind.TASK_QUEUE_KIND_NORMAL
    if task.scheduled_time:
        response.scheduled_time.FromDatetime(task.scheduled_time)
    if task.started_time:
        response.started_time.FromDatetime(task.started_time)
    events = execution.history.fragment(previous + 1 if sticky else 1)
    events += b"".join(frame(event) for event in workflow_task.unwritten_events(execution))
    # Serialized events go onto the wire as they are: a message is the concatenation of its fields.
    return response.SerializeToString() + _HISTORY_TAG + varint(len(events)) + events


def _token(execution: Execution) -> bytes:
    task = execution.workflow_task
    token = tokens.Task(
        namespace_id=execution.namespace_id,
        workflow_id=execution.workflow_id,
        run_id=execution.run_id,
        scheduled_event_id=task.scheduled_event_id,
        started_event_id=task.started_event_id,
        attempt=task.attempt,
        started_stamp=_stamp(task),
    )
    return bytes(token.SerializeToString())


def _stamp(task: workflow_task.WorkflowTask) -> int:
    return int(task.started_time.timestamp() * 1_000_000) if task.started_time else 0


def _check_token(execution: Execution, token: Any) -> None:
    """The token must mean the task that is started now. Raises NotFound."""
    task = execution.workflow_task
    if (
        not execution.is_running
        or not task.is_started
        or token.scheduled_event_id != task.scheduled_event_id
        or token.started_event_id != task.started_event_id
        or token.attempt != task.attempt
        or token.started_stamp != _stamp(task)
    ):
        raise NotFound("Workflow task not found.")


async def respond_workflow_task_completed(
    backend: Backend, request: RespondWorkflowTaskCompletedRequest, call: Call
) -> RespondWorkflowTaskCompletedResponse:
    token = tokens.parse_task(request.task_token)
    namespace = backend.namespaces.by_id(token.namespace_id)
    run = await backend.runs.find(token.namespace_id, token.workflow_id, token.run_id)
    _check_token(run.execution, token)

    def accepts_eager(queue_name: str) -> bool:
        return queue_name == run.execution.started.task_queue.name

    try:
        completed = backend.runs.step(
            run,
            lambda execution: transitions.complete_workflow_task(execution, request, namespace, accepts_eager),
        )
    except BadCommand as bad:
        await _refuse(backend, run, request, bad)
        return RespondWorkflowTaskCompletedResponse()
    response = RespondWorkflowTaskCompletedResponse()
    for task in completed.eager_activities:
        response.activity_tasks.append(activities.start_task(backend, run, task, request.identity))
    new_task = b""
    if completed.new_task:
        new_task = start_task(backend, run, request.identity, sticky=run.execution.sticky is not None)
        response.workflow_task.MergeFromString(new_task)
    await backend.runs.committed(run)
    return response


async def _refuse(backend: Backend, run: Run, request: RespondWorkflowTaskCompletedRequest, bad: BadCommand) -> None:
    """A command was refused: the workflow task fails, and the worker is told why."""
    task = run.execution.workflow_task
    unhandled = bad.cause == WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND
    if bad.writes_event and (task.attempt == 1 or unhandled):
        failure = failures.server(str(bad)) if not unhandled else failures.server("UnhandledCommand")

        def fail(execution: Execution) -> None:
            workflow_task.fail(execution, bad.cause, failure, request.identity)
            workflow_task.schedule(execution)

        backend.runs.step(run, fail)
        await backend.runs.committed(run)
    raise InvalidArgument(str(bad))


async def respond_workflow_task_failed(
    backend: Backend, request: RespondWorkflowTaskFailedRequest, call: Call
) -> RespondWorkflowTaskFailedResponse:
    token = tokens.parse_task(request.task_token)
    backend.namespaces.by_id(token.namespace_id)
    run = await backend.runs.find(token.namespace_id, token.workflow_id, token.run_id)
    _check_token(run.execution, token)
    failure: Failure | None = request.failure if request.HasField("failure") else None

    def fail(execution: Execution) -> None:
        workflow_task.fail(execution, request.cause, failure, request.identity, binary_checksum=request.binary_checksum)
        workflow_task.schedule(execution)

    backend.runs.step(run, fail)
    await backend.runs.committed(run)
    return RespondWorkflowTaskFailedResponse()


RPCS = {
    "PollWorkflowTaskQueue": poll_workflow_task_queue,
    "RespondWorkflowTaskCompleted": respond_workflow_task_completed,
    "RespondWorkflowTaskFailed": respond_workflow_task_failed,
}
