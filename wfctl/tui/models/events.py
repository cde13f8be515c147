"""Events as the Events tab shows them: raw or in groups, filtered by kind, by text and by what they are not."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from wfctl.tui.models.cells import Cell, Column, Part, Tone, cell, named
from wfctl.view.durations import short_duration
from wfctl.view.failures import failure_title, root_cause
from wfctl.view.timeline import EventRow

Kind = Literal[
    "workflow", "task", "activity", "timer", "child", "signal", "update", "nexus", "marker", "external", "other"
]
KINDS: tuple[Kind, ...] = (
    "workflow", "task", "activity", "timer", "child", "signal", "update", "nexus", "marker", "external", "other",
)  # fmt: skip

_TONES: dict[str | None, Tone] = {
    "red": "bad",
    "yellow": "warn",
    "magenta": "warn",
    "green": "ok",
    "blue": "live",
    "dim": "dim",
    None: "",
}
_REFERENCES = ("scheduled_event_id", "initiated_event_id", "started_event_id")


@dataclass(frozen=True, slots=True)
class EventItem:
    """One event with what is known about it."""

    row: EventRow
    event: Any
    kind: Kind
    group: int
    """The id of the event that began what this one is about; its own id if it is about nothing else."""

    @property
    def tone(self) -> Tone:
        return _TONES.get(self.row.tone, "")


def kind_of(type: str) -> Kind:
    if type.startswith("WorkflowTask"):
        return "task"
    for prefix, kind in _PREFIXES:
        if type.startswith(prefix):
            return kind
    return "other"


_PREFIXES: tuple[tuple[str, Kind], ...] = (
    ("ActivityTask", "activity"),
    ("Timer", "timer"),
    ("StartChild", "child"),
    ("ChildWorkflow", "child"),
    ("WorkflowExecutionSignaled", "signal"),
    ("WorkflowExecutionUpdate", "update"),
    ("NexusOperation", "nexus"),
    ("Marker", "marker"),
    ("SignalExternal", "external"),
    ("ExternalWorkflow", "external"),
    ("RequestCancelExternal", "external"),
    ("Workflow", "workflow"),
)


def group_of(event: Any, type: str) -> int:
    """Which event began it."""
    which = event.WhichOneof("attributes")
    attributes = getattr(event, which) if which else None
    if attributes is None:
        return int(event.event_id)
    if type.startswith("WorkflowExecutionUpdate"):
        return int(getattr(attributes, "accepted_event_id", 0) or event.event_id)
    for reference in _REFERENCES:
        number = getattr(attributes, reference, 0)
        if number and not (type.startswith("WorkflowExecution") or type == "MarkerRecorded"):
            return int(number)
    return int(event.event_id)


@dataclass(frozen=True, slots=True)
class EventFilter:
    """`kind:activity failed !heartbeat payload:order-7`: every word must hold; `!` turns one round.

    A plain word is a regular expression over type, subject, detail and identity. Words in quotes keep their spaces.
    """

    text: str
    _tests: tuple[Callable[[EventItem], bool], ...]

    def __call__(self, item: EventItem) -> bool:
        return all(test(item) for test in self._tests)

    @property
    def is_empty(self) -> bool:
        return not self._tests


_WORD = re.compile(r'(!?)((?:kind|payload|id):)?(?:"([^"]*)"|(\S+))')
EVERYTHING = EventFilter("", ())


def parse_filter(text: str) -> EventFilter:
    """Raises ValueError with what is wrong."""
    tests = []
    for match in _WORD.finditer(text):
        negated, scope = bool(match.group(1)), match.group(2) or ""
        words = match.group(3) if match.group(3) is not None else match.group(4)
        test = _test(scope.rstrip(":"), words)
        tests.append(_not(test) if negated else test)
    return EventFilter(text, tuple(tests))


def _not(test: Callable[[EventItem], bool]) -> Callable[[EventItem], bool]:
    return lambda item: not test(item)


def _test(scope: str, words: str) -> Callable[[EventItem], bool]:
    if scope == "kind":
        kinds = frozenset(words.split(","))
        unknown = kinds - frozenset(KINDS)
        if unknown:
            raise ValueError(f"no kind '{min(unknown)}'; kinds are {', '.join(KINDS)}")
        return lambda item: item.kind in kinds
    if scope == "id":
        if not words.isdigit():
            raise ValueError(f"'{words}' is not an event id")
        wanted = int(words)
        return lambda item: wanted in (item.row.event_id, item.group)
    try:
        pattern = re.compile(words, re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"'{words}' is not a regular expression: {error}") from error
    if scope == "payload":
        return lambda item: pattern.search(_everything(item.event)) is not None
    return lambda item: pattern.search(f"{item.row.type} {item.row.subject} {item.row.detail}") is not None


def _everything(event: Any) -> str:
    """All text of an event as it is on the wire, where payloads stand as they were written."""
    return str(event.SerializeToString(), "utf-8", "replace")


EVENT_COLUMNS: tuple[Column, ...] = (
    Column("id", "#", width=6, align="right"),
    Column("time", "+Time", width=9, align="right", priority=2),
    Column("type", "Event", weight=2, least=20),
    Column("about", "About", weight=3, least=16),
    Column("took", "Took", width=8, align="right", priority=3),
)
GROUP_COLUMNS: tuple[Column, ...] = (
    Column("id", "#", width=6, align="right"),
    Column("time", "+Time", width=9, align="right", priority=2),
    Column("mark", "", width=1),
    Column("kind", "Kind", width=9, priority=5),
    Column("about", "What", weight=1, least=24),
    Column("state", "State", width=12, priority=4),
    Column("took", "Took", width=8, align="right", priority=3),
)


def event_cells(item: EventItem, began: datetime) -> list[Cell]:
    row = item.row
    detail_tone: Tone = "bad" if row.failure is not None else "dim"
    about: list[Part] = [*named(row.subject)] if row.subject else []
    text = failure_title(root_cause(row.failure)) if row.failure is not None else row.detail
    if text:
        about.append(Part(("  " if about else "") + text, detail_tone))
    return [
        cell(str(row.event_id), "dim"),
        cell(short_duration(max(row.moment - began, timedelta())), "dim"),
        cell(row.type, item.tone),
        tuple(about),
        cell(short_duration(row.took) if row.took is not None else "", "dim"),
    ]


@dataclass
class Group:
    """Events that tell one story: an activity from its scheduling to its end."""

    first: EventItem
    items: list[EventItem] = field(default_factory=list)

    @property
    def last(self) -> EventItem:
        return self.items[-1]

    @property
    def failure(self) -> Any:
        return next((item.row.failure for item in reversed(self.items) if item.row.failure is not None), None)


@dataclass
class EventList:
    """The events of a run and the ones that are shown. Grows at the end; what is shown grows with it."""

    items: list[EventItem] = field(default_factory=list)
    shown: list[EventItem] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    filter: EventFilter = EVERYTHING
    _group_by_id: dict[int, Group] = field(default_factory=dict)

    def take(self, items: Sequence[EventItem]) -> None:
        self.items.extend(items)
        self._show(items)

    def clear(self) -> None:
        self.items.clear()
        self._begin()

    def set_filter(self, filter: EventFilter) -> None:
        self.filter = filter
        self._begin()
        self._show(self.items)

    def _begin(self) -> None:
        self.shown, self.groups, self._group_by_id = [], [], {}

    def _show(self, items: Sequence[EventItem]) -> None:
        matches = items if self.filter.is_empty else [item for item in items if self.filter(item)]
        self.shown.extend(matches)
        for item in matches:
            if item.kind == "task" and item.row.failure is None and item.row.tone in ("dim", None):
                continue  # that workflow tasks went well is what the compact view leaves out
            group = self._group_by_id.get(item.group)
            if group is None:
                group = Group(item)
                self._group_by_id[item.group] = group
                self.groups.append(group)
            group.items.append(item)

    def by_id(self, event_id: int) -> EventItem | None:
        if 0 < event_id <= len(self.items) and self.items[event_id - 1].row.event_id == event_id:
            return self.items[event_id - 1]
        return next((item for item in self.items if item.row.event_id == event_id), None)


def group_cells(group: Group, began: datetime) -> list[Cell]:
    first, last = group.first, group.last
    failure = group.failure
    about: list[Part] = [*named(first.row.subject or first.row.type)]
    if failure is not None and last.tone != "ok":
        about.append(Part(f"  {failure_title(root_cause(failure))}", "bad"))
    elif last.row.detail:
        about.append(Part(f"  {last.row.detail}", "dim"))
    state = _state(group)
    tone: Tone = last.tone if last.tone != "dim" else ""
    took = last.row.moment - first.row.moment
    return [
        cell(str(first.row.event_id), "dim"),
        cell(short_duration(max(first.row.moment - began, timedelta())), "dim"),
        cell(_MARKS.get(tone, "·"), tone),
        cell(first.kind, "dim"),
        tuple(about),
        cell(state, tone),
        cell(short_duration(took) if len(group.items) > 1 else "", "dim"),
    ]


_MARKS: dict[Tone, str] = {"ok": "✓", "bad": "✗", "warn": "!", "live": "●"}


def _state(group: Group) -> str:
    type = group.last.row.type
    if type.endswith("CancelRequested"):
        return "cancel asked"
    for word in ("Completed", "Failed", "TimedOut", "Canceled", "Terminated", "Started", "Scheduled", "Fired"):
        if type.endswith(word):
            return word.lower() if word != "TimedOut" else "timed out"
    return {"Initiated": "initiated", "Signaled": "received", "Recorded": "recorded"}.get(
        next((end for end in ("Initiated", "Signaled", "Recorded") if type.endswith(end)), ""), ""
    )
