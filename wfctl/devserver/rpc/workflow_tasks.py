"""Workflow tasks: polled, completed, failed."""

from __future__ import annotations

import logging
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import TaskQueueKind, WorkerVersioningMode, WorkflowTaskFailedCause
from temporalio.api.failure.v1 import Failure
from temporalio.api.protocol.v1 import Message as ProtocolMessage
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    PollWorkflowTaskQueueRequest,
    PollWorkflowTaskQueueResponse,
    ResetStickyTaskQueueRequest,
    ResetStickyTaskQueueResponse,
    RespondWorkflowTaskCompletedRequest,
    RespondWorkflowTaskCompletedResponse,
    RespondWorkflowTaskFailedRequest,
    RespondWorkflowTaskFailedResponse,
)

from wfctl.devserver.core import failures, transitions, validation
from wfctl.devserver.core.entities import completion, update, workflow_task
from wfctl.devserver.core.errors import BadCommand, InvalidArgument, NotFound, ServiceError
from wfctl.devserver.core.execution import Execution
from wfctl.devserver.core.history import frame
from wfctl.devserver.core.namespace import Namespace
from wfctl.devserver.core.times import timestamp
from wfctl.devserver.engine.runs import Run
from wfctl.devserver.matching.queues import WORKFLOW
from wfctl.devserver.rpc import activities, queries, requests, tokens
from wfctl.devserver.rpc.backend import Backend, Call
from wfctl.devserver.rpc.polls import Poll
from wfctl.devserver.rpc.wire import with_history
from wfctl.devserver.settings import MIB

# The request id of a task that comes with the answer to the one before.
INLINE = "request-from-RespondWorkflowTaskCompleted"
log = logging.getLogger("wfctl.rpc")
# A message may have 4 MiB: this leaves room for all but the history.
LARGEST_FIRST_PAGE = 2 * MIB


async def poll_workflow_task_queue(
    backend: Backend, request: PollWorkflowTaskQueueRequest, call: Call
) -> bytes | PollWorkflowTaskQueueResponse:
    """Waits for a workflow task; answers an empty message when none came in time."""
    namespace = backend.namespaces.resolve(request.namespace)
    _check_poll(backend, namespace, request)
    poll = Poll(backend, namespace.id, WORKFLOW, request, call)
    while (task := await poll.next_task()) is not None:
        run = await backend.runs.load_or_none(task.run_key)
        if run is not None and task.query_id:
            asked = queries.query_task(backend, run, task, request.task_queue.name)
            if asked is not None:
                await backend.runs.committed(run)
                return asked
        if run is None or not backend.runs.is_known_task(run, task.scheduled_event_id):
            continue
        sticky = request.task_queue.kind == TaskQueueKind.TASK_QUEUE_KIND_STICKY
        try:
            started = start_task(backend, run, request.identity, sticky=sticky)
        except InvalidArgument as error:
            log.info("workflow %s ended: %s", run.execution.workflow_id, error)
            continue
        await backend.runs.committed(run)
        return started
    return PollWorkflowTaskQueueResponse()


def _check_poll(backend: Backend, namespace: Namespace, request: PollWorkflowTaskQueueRequest) -> None:
    requests.check_identity(request, backend.settings)
    requests.check_worker_version(request, request.worker_version_capabilities, request.task_queue, backend.settings)
    validation.check_task_queue(request, backend.settings)
    if request.binary_checksum in namespace.bad_binaries:
        raise InvalidArgument(f"binary {request.binary_checksum} already marked as bad deployment")


def start_task(
    backend: Backend, run: Run, identity: str, *, sticky: bool, resend_updates: bool = True, request_id: str = ""
) -> bytes:
    """A worker takes the run's workflow task: the poll response, serialized.

    A sticky worker has everything up to the last completed task; any other gets the whole history. `resend_updates`:
    with the updates that earlier tasks carried in vain.
    """
    request_id = request_id or backend.runs.new_id()

    def start(execution: Execution) -> list[ProtocolMessage]:
        if not sticky:
            execution.sticky = None  # its worker is gone: somebody else took the task
        workflow_task.start(execution, request_id, identity)
        return update.send(execution, resend=resend_updates)

    return started_task(backend, run, backend.runs.step(run, start), sticky=sticky)


def started_task(backend: Backend, run: Run, messages: list[ProtocolMessage], *, sticky: bool) -> bytes:
    """The poll response of the workflow task that is started."""
    execution = run.execution
    task = execution.workflow_task
    previous = execution.last_started_event_id
    response = PollWorkflowTaskQueueResponse(
        task_token=tokens.task(
            execution,
            scheduled_event_id=task.scheduled_event_id,
            attempt=task.attempt,
            started_time=task.started_time,
            started_event_id=task.started_event_id,
        ),
        workflow_execution=WorkflowExecution(workflow_id=execution.workflow_id, run_id=execution.run_id),
        workflow_type=execution.started.workflow_type,
        previous_started_event_id=previous,
        started_event_id=task.started_event_id,
        attempt=task.attempt,
        scheduled_time=timestamp(task.scheduled_time) if task.scheduled_time else None,
        started_time=timestamp(task.started_time) if task.started_time else None,
        queries=backend.queries.unanswered(run.key),
        messages=messages,
        workflow_execution_task_queue=TaskQueue(
            name=execution.started.task_queue.name, kind=TaskQueueKind.TASK_QUEUE_KIND_NORMAL
        ),
    )
    first = previous + 1 if sticky else 1
    next_event_id = _page_end(execution, first)
    events = execution.history.fragment(first, next_event_id)
    if next_event_id == execution.next_event_id:
        events += b"".join(frame(event) for event in workflow_task.unwritten_events(execution, task.identity))
    else:
        response.next_page_token = tokens.history_page(execution.run_id, next_event_id)
    return with_history(response, events)


def _page_end(execution: Execution, first_event_id: int) -> int:
    """Where the part of the history ends that comes with the task: all of it, unless that would be too large a message.

    A worker gets the rest with GetWorkflowExecutionHistory.
    """
    if execution.history.size_bytes <= LARGEST_FIRST_PAGE:
        return execution.next_event_id
    size, event_id = 0, first_event_id
    for data in execution.history.frames[first_event_id - 1 :]:
        size += len(data)
        if size > LARGEST_FIRST_PAGE and event_id > first_event_id:
            break
        event_id += 1
    return event_id


def _check_token(execution: Execution, token: Any) -> None:
    """The token must mean the task that is started now. Raises NotFound."""
    task = execution.workflow_task
    if (
        not execution.is_running
        or not task.is_started
        or token.scheduled_event_id != task.scheduled_event_id
        or token.started_event_id != task.started_event_id
        or token.attempt != task.attempt
        or token.started_stamp != tokens.stamp(task.started_time)
    ):
        raise NotFound("Workflow task not found.")


async def respond_workflow_task_completed(
    backend: Backend, request: RespondWorkflowTaskCompletedRequest, call: Call
) -> RespondWorkflowTaskCompletedResponse:
    token = tokens.parse_task(request.task_token)
    namespace = backend.namespaces.by_id(token.namespace_id)
    requests.check_identity(request, backend.settings)
    sticky_queue = request.sticky_attributes.worker_task_queue
    requests.check_worker_version(request, request.worker_version_stamp, sticky_queue, backend.settings)
    run = await backend.runs.find(token.namespace_id, token.workflow_id, token.run_id)

    def complete(execution: Execution) -> transitions.Completed:
        _check_token(execution, token)
        _check_behavior(request)
        return transitions.complete_workflow_task(execution, request, namespace)

    try:
        completed = backend.runs.step(run, complete)
    except BadCommand as bad:
        await _refuse(backend, run, request, bad)
        raise InvalidArgument(str(bad)) from None
    except ServiceError:
        await _forget_worker(backend, run, token)
        raise
    queries.answer_buffered(backend, run, request)
    response = RespondWorkflowTaskCompletedResponse()
    for activity in completed.eager_activities:
        if run.execution.activities.get(activity.scheduled_event_id) is activity:
            response.activity_tasks.append(activities.start_task(backend, run, activity, request.identity, eager=True))
    if completed.new_task:
        resend = not request.force_create_new_workflow_task
        new_task = start_task(backend, run, request.identity, sticky=True, resend_updates=resend, request_id=INLINE)
        response.workflow_task.MergeFromString(new_task)
    if completed.left_no_trace:
        response.reset_history_event_id = run.execution.last_started_event_id
    await backend.runs.committed(run)
    if completed.heartbeat_timed_out:
        raise NotFound("workflow task heartbeat timeout")
    return response


def _check_behavior(request: RespondWorkflowTaskCompletedRequest) -> None:
    """Only a versioned worker may say how its workflow moves between versions."""
    mode = request.deployment_options.worker_versioning_mode
    if (
        request.versioning_behavior
        and not request.HasField("deployment")
        and mode != WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED
    ):
        raise InvalidArgument(
            "versioning behavior cannot be specified without deployment options being set with versioned mode"
        )


async def _refuse(backend: Backend, run: Run, request: RespondWorkflowTaskCompletedRequest, bad: BadCommand) -> None:
    """A command was refused: the workflow task fails, or the whole run.

    A worker that keeps failing the same task is not heard: the task times out, which spaces the attempts.
    """
    unhandled = bad.cause == WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND
    if run.execution.workflow_task.attempt > 1 and not unhandled:
        if run.execution.updates.has_unsent():
            backend.runs.step(run, update.abort_sent)
            await backend.runs.committed(run)
        return

    def fail(execution: Execution) -> None:
        update.abort_sent(execution)
        failure = failures.server(str(bad), non_retryable=False)
        workflow_task.fail(execution, bad.cause, failure, request.identity, binary_checksum=request.binary_checksum)
        if bad.terminates:
            completion.terminate(execution, str(bad), None, completion.SERVER)
        else:
            workflow_task.schedule(execution)

    backend.runs.step(run, fail)
    await backend.runs.committed(run)


async def _forget_worker(backend: Backend, run: Run, token: Any) -> None:
    """A worker that is told of an error drops the run from its cache. If its task was speculative, the history that it
    would load again does not show that task: let the next task bring the whole history."""
    task = run.execution.workflow_task
    if (
        task.kind is workflow_task.Kind.SPECULATIVE
        and task.scheduled_event_id == token.scheduled_event_id
        and run.execution.is_running
        and run.execution.sticky is not None
    ):
        backend.runs.step(run, workflow_task.reset_sticky)
        await backend.runs.committed(run)


async def respond_workflow_task_failed(
    backend: Backend, request: RespondWorkflowTaskFailedRequest, call: Call
) -> RespondWorkflowTaskFailedResponse:
    token = tokens.parse_task(request.task_token)
    backend.namespaces.by_id(token.namespace_id)
    requests.check_identity(request, backend.settings)
    run = await backend.runs.find(token.namespace_id, token.workflow_id, token.run_id)
    failure: Failure | None = request.failure if request.HasField("failure") else None
    if failure is not None and failure.ByteSize() > backend.settings.blob_size_error:
        failure = failures.too_large(failure, backend.settings.blob_size_warn)

    def fail(execution: Execution) -> None:
        requests.check_running(execution)
        _check_token(execution, token)
        if request.cause == WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_GRPC_MESSAGE_TOO_LARGE:
            completion.terminate(execution, "GrpcMessageTooLarge", None, completion.SERVER)
            return
        workflow_task.fail(execution, request.cause, failure, request.identity, binary_checksum=request.binary_checksum)
        workflow_task.schedule(execution)

    backend.runs.step(run, fail)
    await backend.runs.committed(run)
    return RespondWorkflowTaskFailedResponse()


async def reset_sticky_task_queue(
    backend: Backend, request: ResetStickyTaskQueueRequest, call: Call
) -> ResetStickyTaskQueueResponse:
    """The next workflow task goes to the run's own queue, with the whole history."""
    namespace = backend.namespaces.resolve(request.namespace)
    requests.check_execution(request, "execution")
    wanted = request.execution
    run = await backend.runs.find(namespace.id, wanted.workflow_id, wanted.run_id)

    def reset(execution: Execution) -> None:
        requests.check_running(execution)
        workflow_task.reset_sticky(execution)

    backend.runs.step(run, reset)
    await backend.runs.committed(run)
    return ResetStickyTaskQueueResponse()


RPCS = {
    "PollWorkflowTaskQueue": poll_workflow_task_queue,
    "RespondWorkflowTaskCompleted": respond_workflow_task_completed,
    "RespondWorkflowTaskFailed": respond_workflow_task_failed,
    "ResetStickyTaskQueue": reset_sticky_task_queue,
}
