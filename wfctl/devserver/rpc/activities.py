"""Activity tasks: polled, heartbeating, completed, failed, canceled — by token or by id."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from temporalio.api.common.v1 import Payloads, WorkflowExecution
from temporalio.api.workflowservice.v1 import (
    PollActivityTaskQueueRequest,
    PollActivityTaskQueueResponse,
    RecordActivityTaskHeartbeatByIdRequest,
    RecordActivityTaskHeartbeatByIdResponse,
    RecordActivityTaskHeartbeatRequest,
    RecordActivityTaskHeartbeatResponse,
    RespondActivityTaskCanceledByIdRequest,
    RespondActivityTaskCanceledByIdResponse,
    RespondActivityTaskCanceledRequest,
    RespondActivityTaskCanceledResponse,
    RespondActivityTaskCompletedByIdRequest,
    RespondActivityTaskCompletedByIdResponse,
    RespondActivityTaskCompletedRequest,
    RespondActivityTaskCompletedResponse,
    RespondActivityTaskFailedByIdRequest,
    RespondActivityTaskFailedByIdResponse,
    RespondActivityTaskFailedRequest,
    RespondActivityTaskFailedResponse,
)

from wfctl.devserver.core.entities import activity as activities
from wfctl.devserver.core.entities.activity import Activity
from wfctl.devserver.core.errors import NotFound
from wfctl.devserver.core.execution import Execution
from wfctl.devserver.engine.runs import Run
from wfctl.devserver.matching.queues import ACTIVITY
from wfctl.devserver.rpc import tokens
from wfctl.devserver.rpc.backend import Backend, Call

GONE = "invalid activityID or activity already timed out or invoking workflow is completed"


async def poll_activity_task_queue(
    backend: Backend, request: PollActivityTaskQueueRequest, call: Call
) -> PollActivityTaskQueueResponse:
    """Waits for an activity task; answers an empty message when none came in time."""
    namespace = backend.namespaces.resolve(request.namespace)
    queue = backend.queues.get(namespace.id, ACTIVITY, request.task_queue.name)
    deadline = call.poll_deadline(backend.settings.long_poll_seconds)
    queue.pollers.seen(request.identity, backend.clock.now())
    while True:
        task = await queue.take(request.worker_instance_key or request.identity, deadline - call.time())
        queue.pollers.seen(request.identity, backend.clock.now())
        if task is None:
            return PollActivityTaskQueueResponse()
        run = await backend.runs.load_or_none(task.run_key)
        if run is None or not run.execution.is_running:
            continue
        activity = run.execution.activities.get(task.scheduled_event_id)
        if activity is None or not activity.is_scheduled or activity.attempt != task.attempt:
            continue
        started = start_task(backend, run, activity, request.identity)
        await backend.runs.committed(run)
        return started


def start_task(backend: Backend, run: Run, activity: Activity, identity: str) -> PollActivityTaskQueueResponse:
    """A worker takes the attempt: the poll response."""
    request_id = backend.runs.new_id()
    backend.runs.step(run, lambda execution: activities.start(execution, activity, request_id, identity))
    execution, attributes = run.execution, activity.attributes
    response = PollActivityTaskQueueResponse(
        task_token=_token(execution, activity),
        workflow_namespace=execution.namespace,
        workflow_type=execution.started.workflow_type,
        workflow_execution=WorkflowExecution(workflow_id=execution.workflow_id, run_id=execution.run_id),
        activity_type=attributes.activity_type,
        activity_id=attributes.activity_id,
        header=attributes.header,
        input=attributes.input if attributes.HasField("input") else None,
        heartbeat_details=activity.heartbeat_details,
        attempt=activity.attempt,
        schedule_to_close_timeout=attributes.schedule_to_close_timeout,
        start_to_close_timeout=attributes.start_to_close_timeout,
        heartbeat_timeout=attributes.heartbeat_timeout,
        retry_policy=attributes.retry_policy,
        priority=attributes.priority,
    )
    response.scheduled_time.FromDatetime(activity.scheduled_time)
    response.current_attempt_scheduled_time.FromDatetime(activity.attempt_scheduled_time)
    if activity.started_time:
        response.started_time.FromDatetime(activity.started_time)
    return response


def _token(execution: Execution, activity: Activity) -> bytes:
    token = tokens.Task(
        namespace_id=execution.namespace_id,
        workflow_id=execution.workflow_id,
        run_id=execution.run_id,
        scheduled_event_id=activity.scheduled_event_id,
        activity_id=activity.id,
        attempt=activity.attempt,
        started_stamp=_stamp(activity),
    )
    return bytes(token.SerializeToString())


def _stamp(activity: Activity) -> int:
    return int(activity.started_time.timestamp() * 1_000_000) if activity.started_time else 0


async def _by_token(backend: Backend, task_token: bytes) -> tuple[Run, Callable[[Execution], Activity]]:
    """The run, and how to find the started attempt that the token means. Raises NotFound for any other."""
    token = tokens.parse_task(task_token)
    backend.namespaces.by_id(token.namespace_id)
    run = await backend.runs.find(token.namespace_id, token.workflow_id, token.run_id)

    def find(execution: Execution) -> Activity:
        _must_run(execution)
        activity = execution.activities.get(token.scheduled_event_id)
        if (
            activity is None
            or not activity.is_started
            or activity.attempt != token.attempt
            or (token.started_stamp and _stamp(activity) != token.started_stamp)
        ):
            raise NotFound(GONE)
        return activity

    return run, find


async def _by_id(
    backend: Backend, namespace_name: str, workflow_id: str, run_id: str, activity_id: str
) -> tuple[Run, Callable[[Execution], Activity]]:
    namespace = backend.namespaces.resolve(namespace_name)
    run = await backend.runs.find(namespace.id, workflow_id, run_id)

    def find(execution: Execution) -> Activity:
        _must_run(execution)
        activity = activities.by_id(execution, activity_id)
        if activity is None:
            raise NotFound(f"cannot find pending activity with ActivityID {activity_id}")
        return activity

    return run, find


def _must_run(execution: Execution) -> None:
    if not execution.is_running:
        raise NotFound("workflow execution already completed")


def _payloads(request: Any, field: str) -> Payloads | None:
    return getattr(request, field) if request.HasField(field) else None


async def respond_activity_task_completed(
    backend: Backend, request: RespondActivityTaskCompletedRequest, call: Call
) -> RespondActivityTaskCompletedResponse:
    run, find = await _by_token(backend, request.task_token)
    await _complete(backend, run, find, request)
    return RespondActivityTaskCompletedResponse()


async def respond_activity_task_completed_by_id(
    backend: Backend, request: RespondActivityTaskCompletedByIdRequest, call: Call
) -> RespondActivityTaskCompletedByIdResponse:
    run, find = await _by_id(backend, request.namespace, request.workflow_id, request.run_id, request.activity_id)
    await _complete(backend, run, find, request)
    return RespondActivityTaskCompletedByIdResponse()


async def _complete(backend: Backend, run: Run, find: Callable[[Execution], Activity], request: Any) -> None:
    result = _payloads(request, "result")
    backend.runs.step(run, lambda execution: activities.complete(execution, find(execution), result, request.identity))
    await backend.runs.committed(run)


async def respond_activity_task_failed(
    backend: Backend, request: RespondActivityTaskFailedRequest, call: Call
) -> RespondActivityTaskFailedResponse:
    run, find = await _by_token(backend, request.task_token)
    await _fail(backend, run, find, request)
    return RespondActivityTaskFailedResponse()


async def respond_activity_task_failed_by_id(
    backend: Backend, request: RespondActivityTaskFailedByIdRequest, call: Call
) -> RespondActivityTaskFailedByIdResponse:
    run, find = await _by_id(backend, request.namespace, request.workflow_id, request.run_id, request.activity_id)
    await _fail(backend, run, find, request)
    return RespondActivityTaskFailedByIdResponse()


async def _fail(backend: Backend, run: Run, find: Callable[[Execution], Activity], request: Any) -> None:
    def fail(execution: Execution) -> None:
        activity = find(execution)
        if request.HasField("last_heartbeat_details"):
            activities.heartbeat(execution, activity, request.last_heartbeat_details)
        activities.fail(execution, activity, request.failure, request.identity)

    backend.runs.step(run, fail)
    await backend.runs.committed(run)


async def respond_activity_task_canceled(
    backend: Backend, request: RespondActivityTaskCanceledRequest, call: Call
) -> RespondActivityTaskCanceledResponse:
    run, find = await _by_token(backend, request.task_token)
    await _cancel(backend, run, find, request)
    return RespondActivityTaskCanceledResponse()


async def respond_activity_task_canceled_by_id(
    backend: Backend, request: RespondActivityTaskCanceledByIdRequest, call: Call
) -> RespondActivityTaskCanceledByIdResponse:
    run, find = await _by_id(backend, request.namespace, request.workflow_id, request.run_id, request.activity_id)
    await _cancel(backend, run, find, request)
    return RespondActivityTaskCanceledByIdResponse()


async def _cancel(backend: Backend, run: Run, find: Callable[[Execution], Activity], request: Any) -> None:
    details = _payloads(request, "details")
    backend.runs.step(run, lambda execution: activities.cancel(execution, find(execution), details, request.identity))
    await backend.runs.committed(run)


async def record_activity_task_heartbeat(
    backend: Backend, request: RecordActivityTaskHeartbeatRequest, call: Call
) -> RecordActivityTaskHeartbeatResponse:
    run, find = await _by_token(backend, request.task_token)
    cancel_requested = await _heartbeat(backend, run, find, request)
    return RecordActivityTaskHeartbeatResponse(cancel_requested=cancel_requested)


async def record_activity_task_heartbeat_by_id(
    backend: Backend, request: RecordActivityTaskHeartbeatByIdRequest, call: Call
) -> RecordActivityTaskHeartbeatByIdResponse:
    run, find = await _by_id(backend, request.namespace, request.workflow_id, request.run_id, request.activity_id)
    cancel_requested = await _heartbeat(backend, run, find, request)
    return RecordActivityTaskHeartbeatByIdResponse(cancel_requested=cancel_requested)


async def _heartbeat(backend: Backend, run: Run, find: Callable[[Execution], Activity], request: Any) -> bool:
    """Keeps the details and says whether cancellation was requested."""
    details = _payloads(request, "details")

    def beat(execution: Execution) -> bool:
        activity = find(execution)
        activities.heartbeat(execution, activity, details)
        return activity.cancel_requested_event_id != 0

    cancel_requested = backend.runs.step(run, beat)
    await backend.runs.committed(run)
    return cancel_requested


RPCS = {
    "PollActivityTaskQueue": poll_activity_task_queue,
    "RespondActivityTaskCompleted": respond_activity_task_completed,
    "RespondActivityTaskCompletedById": respond_activity_task_completed_by_id,
    "RespondActivityTaskFailed": respond_activity_task_failed,
    "RespondActivityTaskFailedById": respond_activity_task_failed_by_id,
    "RespondActivityTaskCanceled": respond_activity_task_canceled,
    "RespondActivityTaskCanceledById": respond_activity_task_canceled_by_id,
    "RecordActivityTaskHeartbeat": record_activity_task_heartbeat,
    "RecordActivityTaskHeartbeatById": record_activity_task_heartbeat_by_id,
}
