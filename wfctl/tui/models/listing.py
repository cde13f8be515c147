"""The list of runs: rows, columns, status tabs, sorting, and the query that they make together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from wfctl.tui.models.cells import STATUS_MARKS, Cell, Column, Part, cell, status_cell
from wfctl.view.durations import short_duration
from wfctl.view.enums import workflow_status
from wfctl.view.payloads import payload_text, summary_text

STATUSES = ("Running", "Failed", "TimedOut", "Terminated", "Canceled", "Completed", "ContinuedAsNew", "Paused")

_ROWS_WITH_VALUES = 500

COLUMNS: tuple[Column, ...] = (
    Column("status", "Status", width=16, priority=1),
    Column("workflow_id", "Workflow ID", weight=3, least=18),
    Column("type", "Type", weight=2, least=16, priority=1),
    Column("started", "Started", width=11, align="right", priority=2),
    Column("took", "Took", width=8, align="right", priority=3),
    Column("queue", "Task queue", weight=1, least=10, priority=5),
    Column("events", "Events", width=7, align="right", priority=6),
    Column("run_id", "Run ID", width=36, priority=9),
)


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run as visibility tells it."""

    workflow_id: str
    run_id: str
    type: str
    status: str
    started: datetime | None
    closed: datetime | None
    queue: str
    events: int
    parent: str
    extra: Mapping[str, str]
    """Search attributes and memo, as text."""
    depth: int = 0
    """How far it stands under a parent."""
    hidden: int = 0
    """How many stand under it and are folded away."""

    @property
    def key(self) -> str:
        return f"{self.workflow_id}\n{self.run_id}"

    def cells(self, now: datetime, columns: Sequence[Column]) -> list[Cell]:
        return [self._cell(column.key, now) for column in columns]

    def _cell(self, key: str, now: datetime) -> Cell:
        if key == "status":
            return status_cell(self.status)
        if key == "started":
            return cell(f"{_age(now - self.started)} ago" if self.started else "", "dim")
        if key == "took":
            end = self.closed or (now if self.status in ("Running", "Paused") else None)
            took = _age(end - self.started) if end and self.started else ""
            return cell(took, "live" if self.closed is None else "")
        if key == "events":
            return cell(str(self.events) if self.events else "", "dim")
        if key == "workflow_id":
            more = (Part(f"  +{self.hidden}", "accent"),) if self.hidden else ()
            if self.depth:
                return (Part("  " * (self.depth - 1) + "╰ ", "dim"), Part(self.workflow_id), *more)
            return (Part(self.workflow_id, "strong"), *more)
        if key in ("type", "queue", "run_id"):
            return cell(getattr(self, key), "" if key == "type" else "dim")
        return cell(self.extra.get(key, ""))

    def sort_value(self, key: str, now: datetime) -> Any:
        if key == "took":
            return ((self.closed or now) - self.started).total_seconds() if self.started else 0.0
        if key == "started":
            return self.started or datetime.min.replace(tzinfo=UTC)
        if key == "status":
            return STATUSES.index(self.status) if self.status in STATUSES else len(STATUSES)
        return (
            getattr(self, key)
            if key in ("workflow_id", "type", "queue", "events", "run_id")
            else self.extra.get(key, "")
        )


def _age(duration: timedelta) -> str:
    """After ten days nobody counts the hours."""
    return f"{duration.days}d" if duration.days >= 10 else short_duration(duration)


def row_of(info: Any) -> RunRow:
    """A WorkflowExecutionInfo as a row."""
    extra = {name: payload_text(payload) for name, payload in info.memo.fields.items()}
    extra.update({name: summary_text(value) for name, value in info.search_attributes.indexed_fields.items()})
    return RunRow(
        workflow_id=info.execution.workflow_id,
        run_id=info.execution.run_id,
        type=info.type.name,
        status=workflow_status(info.status),
        started=moment(info.start_time),
        closed=moment(info.close_time),
        queue=info.task_queue,
        events=info.history_length,
        parent=info.parent_execution.workflow_id,
        extra=extra,
    )


def moment(stamp: Any) -> datetime | None:
    """A timestamp; None for one that is not set."""
    return stamp.ToDatetime(tzinfo=UTC) if stamp.seconds > 0 else None


@dataclass
class Listing:
    """What the list shows, and in which order. The server's order stands until a column is chosen."""

    rows: list[RunRow] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    total: int | None = None
    status: str = ""
    filter: str = ""
    sort_key: str = ""
    descending: bool = False
    has_more: bool = False
    columns: list[Column] = field(default_factory=lambda: list(COLUMNS))
    marked: set[str] = field(default_factory=set)
    is_tree: bool = False
    """Children stand under their parents, as far as both are loaded."""
    folded: set[str] = field(default_factory=set)
    """Workflow ids of the parents whose children are not shown."""

    @property
    def query(self) -> str:
        """The visibility query of the filter and the status tab."""
        parts = [f"({self.filter})"] if self.filter and self.status else [self.filter] if self.filter else []
        if self.status:
            parts.append(f"ExecutionStatus = '{self.status}'")
        return " AND ".join(parts)

    def take(self, infos: Iterable[Any], *, now: datetime, more: bool, append: bool = False) -> None:
        fresh = [row_of(info) for info in infos]
        if append:
            known = {row.key for row in self.rows}
            self.rows.extend(row for row in fresh if row.key not in known)
            self.has_more = more
        elif len(self.rows) > len(fresh) and more:
            # Only the head is asked for again; what was paged in below it keeps its place.
            heads = {row.key for row in fresh}
            self.rows = fresh + [row for row in self.rows[len(fresh) :] if row.key not in heads]
        else:
            self.rows, self.has_more = fresh, more
        self.sort(now)

    def sort_by(self, key: str, now: datetime) -> None:
        """By this column; by it the other way round; then as the server has it again."""
        if key != self.sort_key:
            self.sort_key, self.descending = key, False
        elif not self.descending:
            self.descending = True
        else:
            self.sort_key, self.descending = "", False
        self.sort(now)

    def sort(self, now: datetime) -> None:
        if self.sort_key:
            self.rows.sort(key=lambda row: row.sort_value(self.sort_key, now), reverse=self.descending)

    def tabs(self) -> list[tuple[str, str]]:
        """Status and label; those without runs are left out, except the chosen one."""
        total = "" if self.total is None else f" {self.total}"
        tabs = [("", f"All{total}")]
        for status in STATUSES:
            count = self.counts.get(status, 0)
            if count or status == self.status or (status == "Running" and self.total is not None):
                tabs.append((status, f"{status} {count}"))
        return tabs

    def short_tabs(self) -> dict[str, str]:
        """Mark and count, for where there is no room for words."""
        return {status: f"{STATUS_MARKS[status]} {self.counts.get(status, 0)}" for status, _ in self.tabs() if status}

    def marked_words(self) -> str:
        """How many are marked, of those that are loaded."""
        count = len(self.marked_rows())
        return f"{count} marked" if count else ""

    def step_status(self, by: int) -> str:
        names = [status for status, _ in self.tabs()]
        return names[(names.index(self.status) + by) % len(names)]

    def values(self) -> dict[str, list[str]]:
        """What is there to filter by, by the attribute's name in small letters; the values of the newest rows first."""
        found: dict[str, dict[str, None]] = {"executionstatus": dict.fromkeys(STATUSES)}
        for row in self.rows[:_ROWS_WITH_VALUES]:
            own = {"workflowtype": row.type, "workflowid": row.workflow_id, "taskqueue": row.queue, **row.extra}
            for name, value in own.items():
                if value:
                    found.setdefault(name.lower(), {})[value] = None
        return {name: list(values) for name, values in found.items()}

    def choose_columns(self, names: Sequence[str]) -> None:
        """Own columns by key or title, anything else is a search attribute or a memo field; none is the usual ones."""
        known = {column.key.lower(): column for column in COLUMNS}
        known.update({column.title.lower(): column for column in COLUMNS})
        chosen = [known.get(name.lower()) or Column(name, name, weight=1, least=8) for name in names if name]
        self.columns[:] = chosen or list(COLUMNS)

    def shown(self) -> list[RunRow]:
        """The rows in the order of the screen."""
        if not self.is_tree:
            return self.rows
        by_parent: dict[str, list[RunRow]] = {}
        ids = {row.workflow_id for row in self.rows}
        for row in self.rows:
            by_parent.setdefault(row.parent if row.parent in ids else "", []).append(row)
        found: list[RunRow] = []
        seen: set[str] = set()
        _walk(by_parent, "", 0, found, seen)
        found.extend(row for row in self.rows if row.key not in seen)
        return self._unfolded(found) if self.folded else found

    def _unfolded(self, rows: Sequence[RunRow]) -> list[RunRow]:
        """Without what stands under a folded parent, which says how much that is."""
        found: list[RunRow] = []
        hidden_below: int | None = None
        for row in rows:
            if hidden_below is not None and row.depth > hidden_below:
                found[-1] = replace(found[-1], hidden=found[-1].hidden + 1)
                continue
            hidden_below = row.depth if row.workflow_id in self.folded else None
            found.append(row)
        return found

    def fold(self, workflow_id: str) -> None:
        self.folded.symmetric_difference_update({workflow_id})

    def toggle_mark(self, key: str) -> None:
        self.marked.symmetric_difference_update({key})

    def marked_rows(self) -> list[RunRow]:
        return [row for row in self.rows if row.key in self.marked]


def _walk(by_parent: Mapping[str, list[RunRow]], parent: str, depth: int, found: list[RunRow], seen: set[str]) -> None:
    """Several runs of one parent: the children stand under its newest."""
    for row in by_parent.get(parent, ()):
        if row.key in seen:
            continue
        seen.add(row.key)
        found.append(replace(row, depth=depth))
        if row.workflow_id != parent and not any(
            one.workflow_id == row.workflow_id and one.run_id != row.run_id for one in found
        ):
            _walk(by_parent, row.workflow_id, depth + 1, found, seen)
