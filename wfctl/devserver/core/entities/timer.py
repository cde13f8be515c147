"""User timers: ended by the clock or a cancel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from temporalio.api.command.v1 import CancelTimerCommandAttributes, StartTimerCommandAttributes
from temporalio.api.enums.v1 import WorkflowTaskFailedCause as Cause
from temporalio.api.history.v1 import (
    HistoryEvent,
    TimerCanceledEventAttributes,
    TimerFiredEventAttributes,
    TimerStartedEventAttributes,
)

from wfctl.devserver.core import failures
from wfctl.devserver.core.entities import workflow_task
from wfctl.devserver.core.errors import BadCommand, InvalidArgument
from wfctl.devserver.core.payloads import copy_fields
from wfctl.devserver.core.validation import check_command_id, duration_problem, refusing

if TYPE_CHECKING:
    from wfctl.devserver.core.execution import Execution
    from wfctl.devserver.core.transitions import CommandContext


@dataclass(frozen=True, slots=True)
class Timer:
    id: str
    started_event_id: int
    fires_at: datetime


def on_start_timer(context: CommandContext, command: StartTimerCommandAttributes) -> None:
    timer_id, settings = command.timer_id, context.execution.settings
    with refusing(Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_START_TIMER_ATTRIBUTES):
        check_command_id(timer_id, "TimerId", "StartTimerCommand", settings)
        if problem := duration_problem(command.start_to_fire_timeout):
            raise InvalidArgument(
                f"An invalid StartToFireTimeout is set on StartTimerCommand: {problem}. TimerId={timer_id}"
            )
    if timer_id in context.execution.timers:
        raise BadCommand(
            Cause.WORKFLOW_TASK_FAILED_CAUSE_START_TIMER_DUPLICATE_ID,
            failures.invalid_action("add-timer-started-event", f"TimerID: {timer_id}"),
        )
    attributes = TimerStartedEventAttributes(
        timer_id=timer_id, workflow_task_completed_event_id=context.completed_event_id
    )
    copy_fields(command, attributes, "start_to_fire_timeout")
    context.execution.record(attributes, **context.extras)


def on_cancel_timer(context: CommandContext, command: CancelTimerCommandAttributes) -> None:
    execution = context.execution
    with refusing(Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_CANCEL_TIMER_ATTRIBUTES):
        check_command_id(command.timer_id, "TimerId", "CancelTimerCommand", execution.settings)
    timer = execution.timers.get(command.timer_id)
    if timer is None:
        # It fired while the worker decided to cancel it: the cancel wins, the buffered firing is withdrawn.
        started_event_id = _withdraw_firing(execution, command.timer_id)
        if started_event_id == 0:
            raise BadCommand(
                Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_CANCEL_TIMER_ATTRIBUTES,
                failures.invalid_action("add-timer-canceled-event", f"TimerID: {command.timer_id}"),
            )
        context.had_buffered = context.had_buffered and bool(execution.buffered)
    else:
        started_event_id = timer.started_event_id
    execution.record(
        TimerCanceledEventAttributes(
            timer_id=command.timer_id,
            started_event_id=started_event_id,
            workflow_task_completed_event_id=context.completed_event_id,
            identity=context.identity,
        ),
        **context.extras,
    )


def _withdraw_firing(execution: Execution, timer_id: str) -> int:
    for event in execution.buffered:
        if event.HasField("timer_fired_event_attributes") and event.timer_fired_event_attributes.timer_id == timer_id:
            execution.buffered.remove(event)
            return event.timer_fired_event_attributes.started_event_id
    return 0


def apply_timer_started(execution: Execution, event: HistoryEvent, attributes: TimerStartedEventAttributes) -> None:
    execution.timers[attributes.timer_id] = Timer(
        attributes.timer_id, event.event_id, execution.now + attributes.start_to_fire_timeout.ToTimedelta()
    )


def apply_timer_ended(
    execution: Execution, event: HistoryEvent, attributes: TimerFiredEventAttributes | TimerCanceledEventAttributes
) -> None:
    # A buffered firing can come to stand behind the start of the next timer of its id, which it leaves alone.
    timer = execution.timers.get(attributes.timer_id)
    if timer is not None and timer.started_event_id == attributes.started_event_id:
        del execution.timers[attributes.timer_id]


def next_deadline(execution: Execution) -> datetime | None:
    timer = execution.timers.earliest()
    return None if timer is None else timer.fires_at


def on_deadline(execution: Execution) -> None:
    timer = execution.timers.earliest()
    assert timer, "some timer is due"
    execution.record(TimerFiredEventAttributes(timer_id=timer.id, started_event_id=timer.started_event_id))
    workflow_task.schedule_if_none(execution)
