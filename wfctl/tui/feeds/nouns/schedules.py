"""Schedules: when they run next, what they did, and pause, trigger and delete."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, timedelta
from typing import Any

from wfctl.tui.feeds.nouns.parts import (
    PAGE_SIZE,
    Item,
    Link,
    Resource,
    ago,
    all_pages,
    clock,
    facts,
    now,
    quoted,
    section,
    until,
    word,
)
from wfctl.tui.feeds.nouns.schedule_actions import CREATE, SCHEDULE_ACTIONS
from wfctl.tui.feeds.source import Source
from wfctl.tui.models.cells import STATUS_MARKS, STATUS_TONES, Cell, Column, Part, cell
from wfctl.tui.models.run import RunRef
from wfctl.tui.models.values import payloads_lines
from wfctl.view.durations import short_duration
from wfctl.view.enums import workflow_status

_SHOWN = 8
_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")


def _fetch(source: Source) -> list[Item]:
    from temporalio.api.workflowservice.v1 import ListSchedulesRequest

    def ask(token: bytes) -> Any:
        request = ListSchedulesRequest(namespace=source.namespace, maximum_page_size=PAGE_SIZE, next_page_token=token)
        return source.call("ListSchedules", request)

    return [_item(entry) for entry in all_pages(ask, lambda response: response.schedules)]


def _item(entry: Any) -> Item:
    info = entry.info
    upcoming = info.future_action_times[0] if info.future_action_times else None
    recent = info.recent_actions[-1] if info.recent_actions else None
    return Item(
        entry.schedule_id,
        [
            cell(entry.schedule_id, "strong"),
            cell(info.workflow_type.name),
            cell("‖ paused" if info.paused else "● active", "warn" if info.paused else "live"),
            cell(until(upcoming) if upcoming is not None and not info.paused else "", "live"),
            cell(ago(recent.actual_time) if recent is not None else "never", "dim"),
            cell(rhythm(info.spec), "dim"),
            cell(info.notes, "dim"),
        ],
        entry,
    )


def _describe(source: Source, item: Item) -> list[Cell]:
    from temporalio.api.enums.v1 import ScheduleOverlapPolicy
    from temporalio.api.workflowservice.v1 import DescribeScheduleRequest

    request = DescribeScheduleRequest(namespace=source.namespace, schedule_id=item.key)
    response = source.call("DescribeSchedule", request)
    schedule, info = response.schedule, response.info
    action, state = schedule.action.start_workflow, schedule.state
    overlap = word(ScheduleOverlapPolicy, schedule.policies.overlap_policy, "SCHEDULE_OVERLAP_POLICY_")
    left_out = info.overlap_skipped + info.missed_catchup_window + info.buffer_dropped
    lines = section(
        "Schedule",
        facts(
            ("runs", rhythm(schedule.spec) or "never"),
            ("state", "paused" if state.paused else "active", "warn" if state.paused else "live"),
            ("note", state.notes),
            ("left", str(state.remaining_actions) if state.limited_actions else ""),
            ("overlap", overlap or "Skip"),
            ("time zone", schedule.spec.timezone_name),
            ("jitter", _span(schedule.spec.jitter)),
            ("actions", str(info.action_count)),
            ("left out", str(left_out) if left_out else "", "warn"),
            ("invalid", info.invalid_schedule_error, "bad"),
        ),
    )
    lines += section("Next runs", _upcoming(info.future_action_times, state.paused))
    lines += section("Recent actions", [_action(action) for action in reversed(info.recent_actions)])
    lines += section(
        "Running", [(Part("  ● ", "live"), Part(running.workflow_id)) for running in info.running_workflows]
    )
    starts = facts(
        ("workflow", action.workflow_type.name), ("id", action.workflow_id), ("task queue", action.task_queue.name)
    )
    if action.HasField("input"):
        starts += [cell("  input", "dim"), *payloads_lines(action.input, 4)]
    return [*lines, *section("Starts", starts)]


def _upcoming(stamps: Iterable[Any], paused: bool) -> list[Cell]:
    """Those of a paused schedule are as they were when it was paused, some of them past."""
    coming = [stamp for stamp in stamps if stamp.ToDatetime(tzinfo=UTC) > now()]
    return [
        (Part(f"  {clock(stamp)}  ", "dim" if paused else ""), Part(until(stamp), "dim" if paused else "live"))
        for stamp in coming[:_SHOWN]
    ]


def _action(result: Any) -> Cell:
    status = workflow_status(result.start_workflow_status) if result.start_workflow_status else ""
    return (
        Part(f"  {STATUS_MARKS.get(status, '·')} ", STATUS_TONES.get(status, "dim")),
        Part(f"{clock(result.actual_time)}  "),
        Part(result.start_workflow_result.workflow_id, "dim"),
    )


# A spec in words.


def rhythm(spec: Any) -> str:
    """`every 10m, cron 0 9 * * 1, at 09:30 on Mon, Fri`."""
    words = [_interval(interval) for interval in spec.interval]
    words += [f"cron {text}" for text in spec.cron_string]
    words += [calendar.comment or _calendar(calendar) for calendar in spec.structured_calendar]
    return ", ".join(words)


def _interval(interval: Any) -> str:
    offset = f" from {_span(interval.phase)}" if interval.phase.ToTimedelta() else ""
    return f"every {_span(interval.interval)}{offset}"


def _span(duration: Any) -> str:
    span: timedelta = duration.ToTimedelta()
    return short_duration(span) if span else ""


def _calendar(calendar: Any) -> str:
    hours, minutes = _numbers(calendar.hour), _numbers(calendar.minute)
    words = f"at {hours or '*'}:{minutes if len(minutes) > 1 else f'0{minutes or 0}'}"
    days = [_DAYS[day % 7] for part in calendar.day_of_week for day in _range(part)]
    if 0 < len(days) < 7:
        words += f" on {', '.join(days)}"
    dates = [part for part in calendar.day_of_month if not (part.start == 1 and part.end == 31)]
    if dates:
        words += f" on day {_numbers(dates)}"
    return words


def _numbers(parts: Iterable[Any]) -> str:
    texts = []
    for part in parts:
        text = f"{part.start}-{part.end}" if part.end > part.start else str(part.start)
        texts.append(f"{text}/{part.step}" if part.step > 1 else text)
    return ",".join(texts)


def _range(part: Any) -> range:
    return range(part.start, max(part.end, part.start) + 1, max(part.step, 1))


def _links(item: Item) -> list[Link]:
    """Its newest runs, and all that it ever started."""
    results = [action.start_workflow_result for action in reversed(item.detail.info.recent_actions)]
    runs = [
        Link(result.workflow_id, "a run of it", RunRef(result.workflow_id, result.run_id))
        for result in results
        if result.workflow_id
    ]
    return [Link("All", "workflows that it started", f"TemporalScheduledById = {quoted(item.key)}"), *runs[:_SHOWN]]


SCHEDULES = Resource(
    "schedules",
    "Schedules",
    (
        Column("id", "Schedule", weight=2, least=14),
        Column("type", "Type", weight=1, least=10, priority=3),
        Column("state", "State", width=9),
        Column("next", "Next run", width=12, priority=1),
        Column("last", "Last run", width=12, priority=4),
        Column("rhythm", "Runs", weight=1, least=10, priority=2),
        Column("notes", "Note", weight=1, least=8, priority=5),
    ),
    _fetch,
    _describe,
    SCHEDULE_ACTIONS,
    "no schedules",
    CREATE,
    _links,
)
