"""A workflow as a tree: its activities, timers and children, each with its state, as far as its history tells.

Fed with events one at a time, so that a live view can be drawn after each.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from wfctl.view.durations import long_duration, short_duration
from wfctl.view.failures import failure_title, root_cause

State = Literal["scheduled", "running", "completed", "failed", "timedout", "canceled", "terminated", "continueasnew"]
Kind = Literal["workflow", "activity", "timer", "nexus"]

ICONS: dict[State, str] = {
    "scheduled": "•",
    "running": "▷",
    "completed": "✓",
    "failed": "!",
    "timedout": "⏱",
    "canceled": "x",
    "terminated": "x",
    "continueasnew": "»",
}
PAINTS: dict[State, Literal["blue", "green", "red", "yellow"] | None] = {
    "scheduled": None,
    "running": "blue",
    "completed": "green",
    "failed": "red",
    "timedout": "red",
    "canceled": "yellow",
    "terminated": "red",
    "continueasnew": "green",
}
CLOSED: frozenset[State] = frozenset({"completed", "failed", "timedout", "canceled", "terminated", "continueasnew"})


@dataclass
class Node:
    """An activity, a timer, or a workflow with nodes of its own."""

    kind: Kind
    name: str
    state: State = "scheduled"
    began: datetime | None = None
    ended: datetime | None = None
    attempt: int = 1
    note: str = ""
    workflow_id: str = ""
    run_id: str = ""
    parts: list[Node] = field(default_factory=list)
    _by_event: dict[int, Node] = field(default_factory=dict)

    @property
    def is_closed(self) -> bool:
        return self.state in CLOSED

    def age(self, now: datetime) -> str:
        if self.began is None:
            return ""
        attempts = f", {self.attempt} attempts" if self.attempt > 1 else ""
        return f"({short_duration((self.ended or now) - self.began)}{attempts})"

    # Reading events.

    def take(self, event: Any) -> None:
        """Bring this workflow up to date with its next event."""
        which = event.WhichOneof("attributes") or ""
        name = which.removesuffix("_event_attributes")
        attributes = getattr(event, which) if which else None
        moment = event.event_time.ToDatetime(tzinfo=UTC)
        if name.startswith("workflow_execution_"):
            self._take_own(name.removeprefix("workflow_execution_"), attributes, moment)
        else:
            self._take_part(name, attributes, event.event_id, moment)

    def _take_own(self, what: str, attributes: Any, moment: datetime) -> None:
        if what == "started":
            self.name = attributes.workflow_type.name
            self.state, self.began, self.attempt = "running", moment, max(attributes.attempt, 1)
        elif what in _ENDS:
            self._end(_ENDS[what], moment, attributes)
            if what == "terminated":
                self.note = f"terminated: {attributes.reason}" if attributes.reason else "terminated"

    def _take_part(self, name: str, attributes: Any, event_id: int, moment: datetime) -> None:
        if name == "activity_task_scheduled":
            self._add(event_id, Node("activity", attributes.activity_type.name, began=moment))
        elif name == "timer_started":
            wait = long_duration(attributes.start_to_fire_timeout.ToTimedelta())
            self._add(event_id, Node("timer", f"Timer ({wait})", state="running", began=moment))
        elif name == "start_child_workflow_execution_initiated":
            child = Node("workflow", attributes.workflow_type.name, began=moment, workflow_id=attributes.workflow_id)
            self._add(event_id, child)
        elif name == "nexus_operation_scheduled":
            operation = f"{attributes.service}/{attributes.operation}"
            self._add(event_id, Node("nexus", operation, began=moment))
        else:
            self._progress(name, attributes, moment)

    def _add(self, event_id: int, node: Node) -> None:
        self.parts.append(node)
        self._by_event[event_id] = node

    def _progress(self, name: str, attributes: Any, moment: datetime) -> None:
        node = self._part_of(attributes)
        if node is None:
            return
        verb = name.rpartition("_")[2] if not name.endswith("timed_out") else "timed_out"
        if verb == "started":
            # An activity's time counts from its scheduling, so that its earlier attempts are in it.
            node.state = "running"
            node.attempt = max(getattr(attributes, "attempt", 1), 1)
            if node.kind == "workflow":
                node.began = moment
                node.run_id = attributes.workflow_execution.run_id
        elif verb == "fired":
            node._end("completed", moment, attributes)
        elif verb in _ENDS:
            node._end(_ENDS[verb], moment, attributes)

    def _part_of(self, attributes: Any) -> Node | None:
        for reference in ("scheduled_event_id", "initiated_event_id", "started_event_id"):
            node = self._by_event.get(getattr(attributes, reference, 0))
            if node is not None:
                return node
        return None

    def _end(self, state: State, moment: datetime, attributes: Any) -> None:
        self.state, self.ended = state, moment
        fields = attributes.DESCRIPTOR.fields_by_name
        if "failure" in fields and attributes.HasField("failure"):
            self.note = failure_title(root_cause(attributes.failure))


_ENDS: dict[str, State] = {
    "completed": "completed",
    "failed": "failed",
    "timed_out": "timedout",
    "canceled": "canceled",
    "terminated": "terminated",
    "continued_as_new": "continueasnew",
}


@dataclass(frozen=True, slots=True)
class Branch:
    """One line of the drawn tree."""

    depth: int
    node: Node | None
    text: str = ""


def branches(root: Node, *, folded: frozenset[State], depth: int = -1) -> list[Branch]:
    """The tree from the top; a child workflow in a folded state shows no parts."""
    lines: list[Branch] = []
    _walk(lines, root, 0, folded, depth)
    return lines


def _walk(lines: list[Branch], node: Node, level: int, folded: frozenset[State], depth: int) -> None:
    lines.append(Branch(level, node))
    if node.kind == "workflow":
        run = f" run {node.run_id}" if node.run_id else ""
        lines.append(Branch(level + 1, None, f"id {node.workflow_id}{run}"))
    if node.note:
        lines.append(Branch(level + 1, None, node.note))
    if level and node.kind == "workflow" and node.state in folded and node.parts:
        lines.append(Branch(level + 1, None, f"↳ {len(node.parts)} folded (--no-fold shows them)"))
        return
    for part in node.parts:
        _walk(lines, part, level + 1, folded, depth)
