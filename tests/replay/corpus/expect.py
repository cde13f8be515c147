"""What `changes.py` expects of each pair, resolved against the histories alone."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from tests.replay.corpus.changes import Change

TASK_COMPLETED = "WorkflowTaskCompleted"


@dataclass(frozen=True)
class Expected:
    verdict: str
    rule: str = ""
    event_id: int = 0
    line: str = ""
    warnings: frozenset[tuple[str, int]] = frozenset()


def kind_of(event: HistoryEvent) -> str:
    words = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_").split("_")
    return "".join(word.capitalize() for word in words)


def name_of(event: HistoryEvent) -> str:
    which = event.WhichOneof("attributes")
    attributes = getattr(event, str(which))
    for field in ("activity_type", "workflow_type"):
        if hasattr(attributes, field):
            return str(getattr(attributes, field).name)
    return str(getattr(attributes, "marker_name", ""))


def find(events: Sequence[HistoryEvent], at: str) -> int:
    """The event id of `Type [name] [#n]`, or of the task that recorded it with a `WorkflowTaskCompleted @`; 0: none."""
    if at.startswith(f"{TASK_COMPLETED} @"):
        inner = find(events, at.partition("@")[2])
        tasks = [one.event_id for one in events[:inner] if kind_of(one) == TASK_COMPLETED]
        return tasks[-1] if inner and tasks else 0
    words = at.split()
    number = int(words.pop()[1:]) if words[-1].startswith("#") else 1
    kind, name = words[0], words[1] if len(words) > 1 else ""
    found = [one.event_id for one in events if kind_of(one) == kind and (not name or name_of(one) == name)]
    return found[number - 1] if len(found) >= number else 0


def _meant(only: Sequence[str], history: str) -> bool:
    return not only or any(fnmatch.fnmatch(history, pattern) for pattern in only)


def expected(change: Change, history: str, events: Sequence[HistoryEvent]) -> Expected:
    for outcome in change.outcomes:
        event_id = find(events, outcome.at) if _meant(outcome.only, history) else 0
        if event_id:
            return Expected(outcome.verdict, outcome.rule, event_id, outcome.line)
    warnings = {
        (one.rule, find(events, one.at)) for one in change.warned if _meant(one.only, history) and find(events, one.at)
    }
    return Expected("compatible", warnings=frozenset(warnings))
