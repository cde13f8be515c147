"""What can be done to schedules: make one, change one, trigger, pause, delete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wfctl.errors import CommandError, UsageMistake
from wfctl.tui.feeds.nouns.parts import word
from wfctl.tui.feeds.requests import Action, Done, Field, Values, ask, payloads, sends
from wfctl.tui.feeds.source import Source
from wfctl.view.durations import long_duration, parse_duration
from wfctl.view.payloads import payload_text

_OVERLAP = "SCHEDULE_OVERLAP_POLICY_"
_TOKEN = "token"
"""Among an edit's values: proof of what the schedule was when its dialog opened, so that nobody's change is lost."""


def _patched(**patch: Any) -> dict[str, Any]:
    from temporalio.api.schedule.v1 import SchedulePatch

    return {"patch": SchedulePatch(**patch)}


def _triggered(schedule_id: str, values: Values) -> dict[str, Any]:
    from temporalio.api.schedule.v1 import TriggerImmediatelyRequest

    return {"schedule_id": schedule_id, **_patched(trigger_immediately=TriggerImmediatelyRequest())}


def _paused(schedule_id: str, values: Values) -> dict[str, Any]:
    return {"schedule_id": schedule_id, **_patched(pause=values["reason"] or "paused by hand")}


def _unpaused(schedule_id: str, values: Values) -> dict[str, Any]:
    return {"schedule_id": schedule_id, **_patched(unpause=values["reason"] or "unpaused by hand")}


def _create(source: Source, namespace: str, values: Values) -> Done:
    from temporalio.api.schedule.v1 import Schedule

    schedule = Schedule()
    _write(schedule, values, {})
    schedule_id = values["schedule"].strip()
    ask(source, "CreateSchedule", schedule_id=schedule_id, schedule=schedule)
    return Done(f"schedule {schedule_id} made")


def _edit(source: Source, schedule_id: str, values: Values) -> Done:
    """Everything that the form does not show stays as it is."""
    found = ask(source, "DescribeSchedule", schedule_id=schedule_id)
    schedule, token = found.schedule, bytes.fromhex(values[_TOKEN])
    if found.conflict_token != token:
        # A server may also find out, but does not always tell.
        raise CommandError(f"schedule {schedule_id} was changed meanwhile", hint="look at it again")
    _write(schedule, values, _read(schedule))
    ask(source, "UpdateSchedule", schedule_id=schedule_id, schedule=schedule, conflict_token=token)
    return Done(f"schedule {schedule_id} changed")


def _now(source: Source, schedule_id: str) -> Values:
    found = ask(source, "DescribeSchedule", schedule_id=schedule_id)
    return {**_read(found.schedule), _TOKEN: found.conflict_token.hex()}


# A schedule as the fields of a form, and back.


def _read(schedule: Any) -> dict[str, str]:
    from temporalio.api.enums.v1 import ScheduleOverlapPolicy

    action = schedule.action.start_workflow
    return {
        "every": ", ".join(_interval(interval) for interval in schedule.spec.interval),
        "cron": "; ".join(schedule.spec.cron_string),
        "zone": schedule.spec.timezone_name,
        "type": action.workflow_type.name,
        "id": action.workflow_id,
        "queue": action.task_queue.name,
        "input": " ".join(payload_text(payload) for payload in action.input.payloads),
        "overlap": word(ScheduleOverlapPolicy, schedule.policies.overlap_policy, _OVERLAP) or "Skip",
        "note": schedule.state.notes,
    }


def _interval(interval: Any) -> str:
    phase = interval.phase.ToTimedelta()
    offset = f"/{long_duration(phase)}" if phase else ""
    return long_duration(interval.interval.ToTimedelta()) + offset


def _write(schedule: Any, values: Values, before: Values) -> None:
    """What was typed, where it differs: what cannot be shown as text, such as binary input, must not suffer by it."""
    from temporalio.api.enums.v1 import ScheduleOverlapPolicy

    def changed(name: str) -> bool:
        return values[name].strip() != before.get(name, "")

    spec, action = schedule.spec, schedule.action.start_workflow
    if changed("every"):
        del spec.interval[:]
        spec.interval.extend(_intervals(values["every"]))
    if changed("cron"):
        # A server keeps crons as calendars.
        del spec.cron_string[:], spec.structured_calendar[:]
        spec.cron_string.extend(_parts(values["cron"], ";"))
    spec.timezone_name = values["zone"].strip()
    action.workflow_type.name = values["type"].strip()
    action.workflow_id = values["id"].strip() or values.get("schedule", "").strip()
    action.task_queue.name = values["queue"].strip()
    if changed("input"):
        action.input.CopyFrom(payloads(values["input"]))
    if changed("overlap"):
        policies = {word(ScheduleOverlapPolicy, number, _OVERLAP): number for number in ScheduleOverlapPolicy.values()}
        wanted = values["overlap"].strip()
        if wanted not in policies:
            raise UsageMistake(f"'{wanted}' is not one of {', '.join(name for name in policies if name)}")
        schedule.policies.overlap_policy = policies[wanted]
    schedule.state.notes = values["note"].strip()
    if not (spec.interval or spec.cron_string or spec.structured_calendar or spec.calendar):
        raise UsageMistake("it says neither how often nor when to run", hint="give an interval or a cron")


def _intervals(text: str) -> list[Any]:
    from google.protobuf.duration_pb2 import Duration
    from temporalio.api.schedule.v1 import IntervalSpec

    found = []
    for part in _parts(text, ","):
        spans = []
        for written in part.split("/"):
            span = Duration()
            try:
                span.FromTimedelta(parse_duration(written.strip()))
            except ValueError as error:
                raise UsageMistake(f"'{part}' is not an interval: {error}", hint="such as 10m, or 1h/5m") from error
            spans.append(span)
        found.append(IntervalSpec(interval=spans[0], phase=spans[1] if len(spans) > 1 else None))
    return found


def _parts(text: str, separator: str) -> Sequence[str]:
    return [part.strip() for part in text.split(separator) if part.strip()]


_FORM = (
    Field("every", "Every (10m, or 1h/5m for an offset)"),
    Field("cron", "Cron (0 9 * * 1; several with ; between)"),
    Field("zone", "Time zone (empty: UTC)"),
    Field("type", "Workflow type", needed=True),
    Field("queue", "Task queue", needed=True),
    Field("id", "Workflow id (empty: the schedule's)"),
    Field("input", "Input, as JSON"),
    Field("overlap", "When the last run still runs: Skip, BufferOne, BufferAll, CancelOther, TerminateOther, AllowAll", "Skip"),
    Field("note", "Note"),
)  # fmt: skip
_REASON = Field("reason", "Note")

CREATE: Action[str] = Action(
    "n", "Create", "a new schedule", "Make a schedule in namespace {id}.", _create,
    (Field("schedule", "Schedule id", needed=True), *_FORM),
)  # fmt: skip
SCHEDULE_ACTIONS: tuple[Action[str], ...] = (
    Action("t", "Trigger", "run it now", "Start the action of schedule {id} now.",
           sends("PatchSchedule", "triggered", _triggered)),
    Action("p", "Pause", "until it is told to go on", "Pause schedule {id}.",
           sends("PatchSchedule", "paused", _paused), (_REASON,)),
    Action("u", "Unpause", "go on", "Let schedule {id} go on.", sends("PatchSchedule", "goes on", _unpaused), (_REASON,)),
    Action(
        "e", "Edit", "when and what it runs",
        "Change schedule {id}. A cron takes the place of its calendars; with none, these stay.",
        _edit, _FORM, prefill=_now,
    ),
    Action(
        "d", "Delete", "workflows that it started stay", "Delete schedule {id}.",
        sends("DeleteSchedule", "deleted", lambda schedule_id, values: {"schedule_id": schedule_id}), destructive=True,
    ),
)  # fmt: skip
