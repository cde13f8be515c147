"""Why a workflow does not move: each thing that it waits for, with what is known about it and what to do.

Read off a DescribeWorkflowExecution response, and the few facts beside it that a command has fetched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from wfctl.view.durations import short_duration
from wfctl.view.enums import camel, pending_activity_state
from wfctl.view.failures import failure_title, root_cause


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing a workflow waits for."""

    what: str
    details: tuple[str, ...] = ()
    hint: str | None = None
    urgent: bool = False
    """Something is wrong, as against merely not finished."""


@dataclass(frozen=True, slots=True)
class OpenTimer:
    timer_id: str
    fires_at: datetime


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a description does not say."""

    pollers: Mapping[tuple[str, str], int]
    """How many poll a task queue, by its name and `workflow` or `activity`; absent if not asked."""
    timers: Sequence[OpenTimer] = ()
    workflow_task_failure: Any = None
    workflow_task_cause: str = ""
    """What sort of failure the server took it for, and where it is written: `NonDeterministicError at event 7`."""


def why_it_waits(description: Any, around: Surroundings, now: datetime) -> list[Reason]:
    """The reasons, what is wrong first."""
    info = description.workflow_execution_info
    reasons: list[Reason] = []
    if description.workflow_extended_info.HasField("pause_info"):
        pause = description.workflow_extended_info.pause_info
        reasons.append(Reason(f"it is paused by {pause.identity or 'somebody'}", _lines(pause.reason), urgent=True))
    if description.HasField("pending_workflow_task"):
        reasons.append(_workflow_task(description.pending_workflow_task, info.task_queue, around, now))
    elif info.history_length <= 2 and info.execution_time.ToDatetime(tzinfo=UTC) > now:
        first = _in(info.execution_time, now)
        reasons.append(Reason(f"its first workflow task is scheduled {first} (start delay, cron or retry)"))
    reasons.extend(_activity(activity, info.task_queue, around, now) for activity in description.pending_activities)
    reasons.extend(
        Reason(f"child workflow {child.workflow_type_name} (id {child.workflow_id})")
        for child in description.pending_children
    )
    reasons.extend(_nexus(operation, now) for operation in description.pending_nexus_operations)
    reasons.extend(
        Reason(f"timer {timer.timer_id} fires {_until(timer.fires_at, now)}")
        for timer in sorted(around.timers, key=lambda timer: timer.fires_at)
    )
    if not reasons:
        what = "nothing is scheduled: it waits for a signal, an update or a condition in its code"
        reasons.append(Reason(what, hint=f"`wfctl workflow stack -w {info.execution.workflow_id}` shows where it is"))
    return sorted(reasons, key=lambda reason: not reason.urgent)


def _workflow_task(task: Any, task_queue: str, around: Surroundings, now: datetime) -> Reason:
    from temporalio.api.enums.v1 import PendingWorkflowTaskState

    started = task.state == PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_STARTED
    since = task.started_time if started else task.scheduled_time
    what = f"workflow task {'running' if started else 'waiting for a worker'} since {_ago(since, now)}"
    details: list[str] = []
    if task.attempt > 1:
        what += f", attempt {task.attempt}"
        if around.workflow_task_cause:
            details.append(f"failed with {around.workflow_task_cause}")
        failure = around.workflow_task_failure
        if failure is not None:
            details.append(f"last failure: {failure_title(root_cause(failure))}")
    unpolled = around.pollers.get((task_queue, "workflow")) == 0
    hint = _nobody_polls(task_queue) if unpolled and not started else None
    if hint is None and task.attempt > 1:
        hint = "the workflow's code fails; fix it and restart the worker, the task is retried by itself"
    return Reason(what, tuple(details), hint, urgent=task.attempt > 1 or hint is not None)


def _activity(activity: Any, workflow_queue: str, around: Surroundings, now: datetime) -> Reason:
    state = pending_activity_state(activity.state)
    limit = f" of {activity.maximum_attempts}" if activity.maximum_attempts else ""
    name = f"activity {activity.activity_type.name} (id {activity.activity_id})"
    what = f"{name}: {_spaced(state)}, attempt {activity.attempt}{limit}"
    details: list[str] = []
    if state == "Started":
        details.append(f"running since {_ago(activity.last_started_time, now)} on {activity.last_worker_identity}")
        if activity.HasField("last_heartbeat_time"):
            details.append(f"last heartbeat {_ago(activity.last_heartbeat_time, now)} ago")
    if activity.HasField("last_failure"):
        details.append(f"last failure: {failure_title(root_cause(activity.last_failure))}")
    if activity.HasField("next_attempt_schedule_time"):
        details.append(f"next attempt {_in(activity.next_attempt_schedule_time, now)}")
    if activity.HasField("expiration_time"):
        details.append(f"given up {_in(activity.expiration_time, now)}")
    queue = activity.activity_options.task_queue.name or workflow_queue
    unpolled = around.pollers.get((queue, "activity")) == 0
    hint = _nobody_polls(queue) if unpolled and state == "Scheduled" else None
    if activity.paused:
        hint = f"it is paused; `temporal activity unpause --activity-id {activity.activity_id}` lets it go on"
    urgent = activity.HasField("last_failure") or hint is not None
    return Reason(what, tuple(details), hint, urgent)


def _nexus(operation: Any, now: datetime) -> Reason:
    details = []
    if operation.HasField("last_attempt_failure"):
        details.append(f"last failure: {failure_title(root_cause(operation.last_attempt_failure))}")
    if operation.HasField("next_attempt_schedule_time"):
        details.append(f"next attempt {_in(operation.next_attempt_schedule_time, now)}")
    name = f"{operation.endpoint}/{operation.service}/{operation.operation}"
    return Reason(f"Nexus operation {name}, attempt {operation.attempt}", tuple(details), urgent=bool(details))


def _nobody_polls(task_queue: str) -> str:
    return f"no worker polls task queue '{task_queue}'; start one, or check the queue's name"


def open_timers(newest_first: Sequence[Any]) -> list[OpenTimer]:
    """The timers that were started and have neither fired nor been cancelled."""
    ended: set[int] = set()
    timers: list[OpenTimer] = []
    for event in newest_first:
        which = event.WhichOneof("attributes")
        if which == "timer_fired_event_attributes":
            ended.add(event.timer_fired_event_attributes.started_event_id)
        elif which == "timer_canceled_event_attributes":
            ended.add(event.timer_canceled_event_attributes.started_event_id)
        elif which == "timer_started_event_attributes" and event.event_id not in ended:
            started = event.timer_started_event_attributes
            wait = started.start_to_fire_timeout.ToTimedelta()
            timers.append(OpenTimer(started.timer_id, event.event_time.ToDatetime(tzinfo=UTC) + wait))
    return timers


def last_workflow_task_failure(newest_first: Sequence[Any]) -> Any:
    for event in newest_first:
        if event.WhichOneof("attributes") == "workflow_task_failed_event_attributes":
            return event.workflow_task_failed_event_attributes.failure
    return None


def last_workflow_task_cause(newest_first: Sequence[Any]) -> str:
    from temporalio.api.enums.v1 import WorkflowTaskFailedCause

    for event in newest_first:
        if event.WhichOneof("attributes") == "workflow_task_failed_event_attributes":
            cause = event.workflow_task_failed_event_attributes.cause
            known = cause in WorkflowTaskFailedCause.values()
            name = (
                camel(WorkflowTaskFailedCause.Name(cause), "WORKFLOW_TASK_FAILED_CAUSE_") if known else f"cause {cause}"
            )
            return f"{name} at event {event.event_id}"
    return ""


def _ago(stamp: Any, now: datetime) -> str:
    return short_duration(max(now - stamp.ToDatetime(tzinfo=UTC), timedelta()))


def _in(stamp: Any, now: datetime) -> str:
    return _until(stamp.ToDatetime(tzinfo=UTC), now)


def _until(moment: datetime, now: datetime) -> str:
    return f"in {short_duration(moment - now)}" if moment > now else "now"


def _spaced(name: str) -> str:
    return "".join(f" {char.lower()}" if char.isupper() else char for char in name).strip()


def _lines(text: str) -> tuple[str, ...]:
    return (text,) if text else ()
