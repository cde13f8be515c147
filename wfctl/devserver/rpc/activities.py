"""Activity tasks: polled, heartbeating, completed, failed, canceled — by token or by id."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from temporalio.api.common.v1 import Payloads, WorkflowExecution
from temporalio.api.failure.v1 import Failure
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

from wfctl.devserver.core import failures, validation
from wfctl.devserver.core.entities import activity as activities
from wfctl.devserver.core.entities.activity import Activity
from wfctl.devserver.core.errors import InvalidArgument, NotFound
from wfctl.devserver.core.execution import Execution
from wfctl.devserver.core.times import timestamp
from wfctl.devserver.engine.runs import Run
from wfctl.devserver.matching.queues import ACTIVITY
from wfctl.devserver.rpc import requests, tokens
from wfctl.devserver.rpc.backend import Backend, Call
from wfctl.devserver.rpc.polls import Poll

GONE = "invalid activityID or activity already timed out or invoking workflow is completed"
HEARTBEAT_TOO_LARGE = "Heartbeat details exceed size limit."
LONGEST_PROTO_DURATION = 315_576_000_000  # seconds


async def poll_activity_task_queue(
    backend: Backend, request: PollActivityTaskQueueRequest, call: Call
) -> PollActivityTaskQueueResponse:
    """Waits for an activity task; answers an empty message when none came in time."""
    namespace = backend.namespaces.resolve(request.namespace)
    validation.check_task_queue(request, backend.settings)
    requests.check_identity(request, backend.settings)
    requests.check_worker_version(request, request.worker_version_capabilities, request.task_queue, backend.settings)
    poll = Poll(backend, namespace.id, ACTIVITY, request, call)
    while (task := await poll.next_task()) is not None:
        run = await backend.runs.load_or_none(task.run_key)
        if run is None or not run.execution.is_running:
            continue
        activity = run.execution.activities.get(task.scheduled_event_id)
        if activity is None or not activity.is_scheduled or activity.pause:
            continue
        if (activity.attempt, activity.stamp) != (task.attempt, task.stamp):
            continue
        started = start_task(backend, run, activity, request.identity)
        await backend.runs.committed(run)
        return started
    return PollActivityTaskQueueResponse()


def start_task(
    backend: Backend, run: Run, activity: Activity, identity: str, *, eager: bool = False
) -> PollActivityTaskQueueResponse:
    """A worker takes the attempt: the poll response. An `eager` one is told the activity's own priority only."""
    request_id = backend.runs.new_id()
    backend.runs.step(run, lambda execution: activities.start(execution, activity, request_id, identity))
    execution, attributes, options = run.execution, activity.attributes, activity.options
    response = PollActivityTaskQueueResponse(
        task_token=tokens.task(
            execution,
            scheduled_event_id=activity.scheduled_event_id,
            attempt=activity.attempt,
            started_time=activity.started_time,
            activity_id=activity.id,
        ),
        workflow_namespace=execution.namespace,
        workflow_type=execution.started.workflow_type,
        workflow_execution=WorkflowExecution(workflow_id=execution.workflow_id, run_id=execution.run_id),
        activity_type=attributes.activity_type,
        activity_id=attributes.activity_id,
        header=attributes.header if attributes.HasField("header") else None,
        input=attributes.input if attributes.HasField("input") else None,
        heartbeat_details=activity.heartbeat_details,
        attempt=activity.attempt,
        schedule_to_close_timeout=options.schedule_to_close_timeout,
        start_to_close_timeout=options.start_to_close_timeout,
        heartbeat_timeout=options.heartbeat_timeout,
        retry_policy=activity.retry_policy,
        scheduled_time=timestamp(activity.scheduled_time),
        current_attempt_scheduled_time=timestamp(activity.attempt_scheduled_time),
        started_time=timestamp(activity.started_time) if activity.started_time else None,
    )
    priority = options.priority if eager else activities.priority(execution, activity)
    if priority.ByteSize():
        response.priority.CopyFrom(priority)
    return response


# How a call finds the activity that it means, once inside the step: what was found before may have changed.
Find = Callable[[Execution], Activity]


async def _by_token(backend: Backend, request: Any) -> tuple[Run, Find]:
    """The run, and how to find the started attempt that the token means. Raises NotFound for any other."""
    token = tokens.parse_task(request.task_token)
    backend.namespaces.by_id(token.namespace_id)
    if not isinstance(request, RecordActivityTaskHeartbeatRequest):
        requests.check_identity(request, backend.settings)
    run = await backend.runs.find(token.namespace_id, token.workflow_id, token.run_id)

    def find(execution: Execution) -> Activity:
        requests.check_running(execution)
        activity = execution.activities.get(token.scheduled_event_id)
        if (
            activity is None
            or not activity.is_started
            or activity.attempt != token.attempt
            or (token.started_stamp and tokens.stamp(activity.started_time) != token.started_stamp)
        ):
            raise NotFound(GONE)
        return activity

    return run, find


async def _by_id(backend: Backend, request: Any, *, unstarted: bool = False) -> tuple[Run, Find]:
    """The same for a workflow's id and an activity's; `unstarted` if no worker needs to have taken it."""
    namespace = backend.namespaces.resolve(request.namespace)
    if not request.activity_id:
        raise InvalidArgument("ActivityId is not set on request.")
    if not isinstance(request, RecordActivityTaskHeartbeatByIdRequest):
        requests.check_identity(request, backend.settings)
    if not request.workflow_id:
        # Without a workflow the id is that of an activity that stands alone.
        raise NotFound(f"activity not found for ID: {request.activity_id}")
    if request.run_id and not validation.is_uuid(request.run_id):
        raise InvalidArgument("RunId is not valid UUID.")
    run = await backend.runs.find(namespace.id, request.workflow_id, request.run_id)

    def find(execution: Execution) -> Activity:
        requests.check_running(execution)
        activity = execution.activities.by_id(request.activity_id)
        if activity is None:
            raise NotFound(
                f"cannot find pending activity with ActivityID {request.activity_id},"
                " check workflow execution history for more details"
            )
        if not activity.is_started and not unstarted:
            raise NotFound(GONE)
        return activity

    return run, find


def _payloads(request: Any, field: str) -> Payloads | None:
    return getattr(request, field) if request.HasField(field) else None


# -- results --------------------------------------------------------------------------------------------------------


async def respond_activity_task_completed(
    backend: Backend, request: RespondActivityTaskCompletedRequest, call: Call
) -> RespondActivityTaskCompletedResponse:
    await _complete(backend, *await _by_token(backend, request), request)
    return RespondActivityTaskCompletedResponse()


async def respond_activity_task_completed_by_id(
    backend: Backend, request: RespondActivityTaskCompletedByIdRequest, call: Call
) -> RespondActivityTaskCompletedByIdResponse:
    await _complete(backend, *await _by_id(backend, request, unstarted=True), request)
    return RespondActivityTaskCompletedByIdResponse()


async def _complete(backend: Backend, run: Run, find: Find, request: Any) -> None:
    result = _payloads(request, "result")
    if request.result.ByteSize() > backend.settings.blob_size_error:
        await _fail_with(backend, run, find, "Complete result exceeds size limit.", request.identity)
        return
    backend.runs.step(run, lambda execution: activities.complete(execution, find(execution), result, request.identity))
    await backend.runs.committed(run)


async def _fail_with(backend: Backend, run: Run, find: Find, message: str, identity: str) -> None:
    """What a worker sent is too large: its activity fails for that, and the call succeeds."""

    def fail(execution: Execution) -> None:
        activity = find(execution)
        if not activity.is_started:
            raise NotFound(GONE)
        activities.fail(execution, activity, failures.server(message), identity)

    backend.runs.step(run, fail)
    await backend.runs.committed(run)


# -- failures -------------------------------------------------------------------------------------------------------


async def respond_activity_task_failed(
    backend: Backend, request: RespondActivityTaskFailedRequest, call: Call
) -> RespondActivityTaskFailedResponse:
    run, find = await _by_token(backend, request)
    if request.HasField("failure") and not request.failure.HasField("application_failure_info"):
        raise InvalidArgument("Failure must have ApplicationFailureInfo.")
    return RespondActivityTaskFailedResponse(failures=await _fail(backend, run, find, request))


async def respond_activity_task_failed_by_id(
    backend: Backend, request: RespondActivityTaskFailedByIdRequest, call: Call
) -> RespondActivityTaskFailedByIdResponse:
    run, find = await _by_id(backend, request)
    return RespondActivityTaskFailedByIdResponse(failures=await _fail(backend, run, find, request))


async def _fail(backend: Backend, run: Run, find: Find, request: Any) -> list[Failure]:
    """Answers with the failures that the server made of what was too large."""
    limit = backend.settings.blob_size_error
    failure: Failure | None = request.failure if request.HasField("failure") else None
    _check_retry_delays(failure)
    details = _payloads(request, "last_heartbeat_details")
    replaced = []
    if details is not None and details.ByteSize() > limit:
        replaced.append(failures.server(HEARTBEAT_TOO_LARGE))
        details = None
    if failure is not None and failure.ByteSize() > limit:
        failure = failures.too_large(failure, backend.settings.blob_size_warn)
        replaced.append(failure)

    def fail(execution: Execution) -> None:
        activity = find(execution)
        if details is not None:
            activities.heartbeat(execution, activity, details)
        activities.fail(execution, activity, failure, request.identity)

    backend.runs.step(run, fail)
    await backend.runs.committed(run)
    return replaced


def _check_retry_delays(failure: Failure | None) -> None:
    while failure is not None:
        delay = failure.application_failure_info.next_retry_delay
        if abs(delay.seconds) > LONGEST_PROTO_DURATION or abs(delay.nanos) >= 10**9:
            raise InvalidArgument(f"NextRetryDelay is not a valid duration: proto: duration ({delay}) out of range")
        failure = failure.cause if failure.HasField("cause") else None


# -- cancellations --------------------------------------------------------------------------------------------------


async def respond_activity_task_canceled(
    backend: Backend, request: RespondActivityTaskCanceledRequest, call: Call
) -> RespondActivityTaskCanceledResponse:
    await _cancel(backend, *await _by_token(backend, request), request)
    return RespondActivityTaskCanceledResponse()


async def respond_activity_task_canceled_by_id(
    backend: Backend, request: RespondActivityTaskCanceledByIdRequest, call: Call
) -> RespondActivityTaskCanceledByIdResponse:
    await _cancel(backend, *await _by_id(backend, request), request)
    return RespondActivityTaskCanceledByIdResponse()


async def _cancel(backend: Backend, run: Run, find: Find, request: Any) -> None:
    details = _payloads(request, "details")
    if request.details.ByteSize() > backend.settings.blob_size_error:
        await _fail_with(backend, run, find, "Cancel details exceed size limit.", request.identity)
        return

    def cancel(execution: Execution) -> None:
        activity = find(execution)
        if not activity.cancel_requested_event_id:
            raise InvalidArgument("unable to mark activity as canceled without activity being request canceled first")
        activities.cancel(execution, activity, details, request.identity)

    backend.runs.step(run, cancel)
    await backend.runs.committed(run)


# -- heartbeats -----------------------------------------------------------------------------------------------------


async def record_activity_task_heartbeat(
    backend: Backend, request: RecordActivityTaskHeartbeatRequest, call: Call
) -> RecordActivityTaskHeartbeatResponse:
    return RecordActivityTaskHeartbeatResponse(**await _heartbeat(backend, *await _by_token(backend, request), request))


async def record_activity_task_heartbeat_by_id(
    backend: Backend, request: RecordActivityTaskHeartbeatByIdRequest, call: Call
) -> RecordActivityTaskHeartbeatByIdResponse:
    return RecordActivityTaskHeartbeatByIdResponse(
        **await _heartbeat(backend, *await _by_id(backend, request), request)
    )


async def _heartbeat(backend: Backend, run: Run, find: Find, request: Any) -> dict[str, bool]:
    """Keeps the details and tells the worker what it should know: canceled, paused, reset."""
    details = _payloads(request, "details")
    if request.details.ByteSize() > backend.settings.blob_size_error:
        await _fail_with(backend, run, find, HEARTBEAT_TOO_LARGE, request.identity)
        return {"cancel_requested": True}

    def beat(execution: Execution) -> dict[str, bool]:
        activity = find(execution)
        activities.heartbeat(execution, activity, details)
        return {
            "cancel_requested": activity.cancel_requested_event_id != 0,
            "activity_paused": activity.pause is not None,
            "activity_reset": activity.reset,
        }

    answer = backend.runs.step(run, beat)
    await backend.runs.committed(run)
    return answer


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
