"""Operators' calls on pending activities: pause, unpause, reset, change options."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from google.protobuf.duration_pb2 import Duration
from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.workflowservice.v1 import (
    PauseActivityRequest,
    PauseActivityResponse,
    ResetActivityRequest,
    ResetActivityResponse,
    UnpauseActivityRequest,
    UnpauseActivityResponse,
    UpdateActivityOptionsRequest,
    UpdateActivityOptionsResponse,
)

from wfctl.devserver.core import activity_control, validation
from wfctl.devserver.core.entities.activity import Activity
from wfctl.devserver.core.errors import InvalidArgument
from wfctl.devserver.core.execution import Execution
from wfctl.devserver.engine.runs import Run
from wfctl.devserver.rpc import requests
from wfctl.devserver.rpc.backend import Backend, Call


async def _find(backend: Backend, request: Any) -> Run:
    namespace = backend.namespaces.resolve(request.namespace)
    if not request.execution.workflow_id:
        raise InvalidArgument("WorkflowId is not set on request.")
    if request.WhichOneof("activity") is None:
        raise InvalidArgument("Either Activity.Id or Activity.Type should be set on request.")
    return await backend.runs.find(namespace.id, request.execution.workflow_id, request.execution.run_id)


def _matches(request: Any) -> Callable[[Activity], bool]:
    """Which activities the request means: one by id, all of a type, or all."""
    which = request.WhichOneof("activity")
    if which == "id":
        return lambda activity: bool(activity.id == request.id)
    if which == "type":
        return lambda activity: bool(activity.attributes.activity_type.name == request.type)
    return lambda _: True


async def _change(backend: Backend, run: Run, request: Any, change: Callable[[Execution, Activity], Any]) -> Any:
    """Do it to every activity that the request means. Answers what the last change returned."""
    matches = _matches(request)

    def step(execution: Execution) -> Any:
        requests.check_running(execution)
        result = None
        for activity in activity_control.select(execution, matches):
            result = change(execution, activity)
        return result

    result = backend.runs.step(run, step)
    await backend.runs.committed(run)
    return result


def _delay(jitter: Duration) -> timedelta:
    """A random part of the jitter, so that many activities do not all come back at once."""
    return timedelta(seconds=random.uniform(0, max(jitter.ToTimedelta().total_seconds(), 0)))


async def pause_activity(backend: Backend, request: PauseActivityRequest, call: Call) -> PauseActivityResponse:
    run = await _find(backend, request)
    await _change(
        backend,
        run,
        request,
        lambda execution, activity: activity_control.pause(
            execution, activity, request.identity, request.reason, request.request_id
        ),
    )
    return PauseActivityResponse()


async def unpause_activity(backend: Backend, request: UnpauseActivityRequest, call: Call) -> UnpauseActivityResponse:
    run = await _find(backend, request)
    await _change(
        backend,
        run,
        request,
        lambda execution, activity: activity_control.unpause(
            execution,
            activity,
            reset_attempts=request.reset_attempts,
            reset_heartbeat=request.reset_heartbeat,
            delay=_delay(request.jitter),
        ),
    )
    return UnpauseActivityResponse()


async def reset_activity(backend: Backend, request: ResetActivityRequest, call: Call) -> ResetActivityResponse:
    run = await _find(backend, request)
    await _change(
        backend,
        run,
        request,
        lambda execution, activity: activity_control.reset(
            execution,
            activity,
            reset_heartbeat=request.reset_heartbeat,
            keep_paused=request.keep_paused,
            restore_options=request.restore_original_options,
            delay=_delay(request.jitter),
        ),
    )
    return ResetActivityResponse()


async def update_activity_options(
    backend: Backend, request: UpdateActivityOptionsRequest, call: Call
) -> UpdateActivityOptionsResponse:
    run = await _find(backend, request)
    validation.check_priority(request.activity_options.priority)
    paths = [_snake(path) for path in request.update_mask.paths]
    if request.restore_original:
        if paths:
            raise InvalidArgument("Both UpdateMask and RestoreOriginal are provided")
        change: Callable[[Execution, Activity], ActivityOptions] = activity_control.restore_options
    else:
        _check_update(request)

        def change(execution: Execution, activity: Activity) -> ActivityOptions:
            return activity_control.update_options(execution, activity, request.activity_options, paths)

    options = await _change(backend, run, request, change)
    return UpdateActivityOptionsResponse(activity_options=options)


def _check_update(request: UpdateActivityOptionsRequest) -> None:
    if not request.HasField("activity_options"):
        raise InvalidArgument("ActivityOptions are not provided")
    if not request.HasField("update_mask"):
        raise InvalidArgument("UpdateMask is not provided")


def _snake(path: str) -> str:
    """Masks come in either spelling: taskQueue.name or task_queue.name."""
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in path)


RPCS = {
    "PauseActivity": pause_activity,
    "UnpauseActivity": unpause_activity,
    "ResetActivity": reset_activity,
    "UpdateActivityOptions": update_activity_options,
}
