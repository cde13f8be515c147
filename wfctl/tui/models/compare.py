"""A comparison as its screen shows it: both sides in one table, and what differs in the chosen step."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import zip_longest

from wfctl.tui.models.cells import Cell, Column, Part, Tone, cell
from wfctl.tui.models.values import message_lines
from wfctl.view.diff import Diff, Entry, Pair
from wfctl.view.durations import short_duration
from wfctl.view.failures import failure_title, root_cause

COMPARE_COLUMNS: tuple[Column, ...] = (
    Column("left_id", "#", width=5, align="right"),
    Column("left_time", "+Time", width=8, align="right", priority=2),
    Column("left", "Left", weight=1, least=26),
    Column("mark", "", width=1),
    Column("right_id", "#", width=5, align="right"),
    Column("right_time", "+Time", width=8, align="right", priority=2),
    Column("right", "Right", weight=1, least=26),
)
_SHORT = (("WorkflowExecution", "Workflow"), ("ActivityTask", "Activity"), ("ExternalWorkflowExecution", "External"))
_ID = re.compile(r" \(id [^)]*\)$")


@dataclass(frozen=True, slots=True)
class Row:
    """What stands side by side: a pair, or at a parting what each side did instead."""

    left: Entry | None
    right: Entry | None
    pair: Pair | None
    """None at a parting."""
    is_first: bool = False

    @property
    def differs(self) -> bool:
        return self.pair is None or self.pair.differs


@dataclass
class Comparison:
    """What is shown of a diff."""

    diff: Diff
    only_differences: bool = False
    rows: Sequence[Row] = field(default_factory=list)
    _all: Sequence[Row] = field(default_factory=list)
    _began: tuple[datetime | None, datetime | None] = (None, None)

    def __post_init__(self) -> None:
        self._all = list(_rows(self.diff))
        left = next((row.left for row in self._all if row.left is not None), None)
        right = next((row.right for row in self._all if row.right is not None), None)
        self._began = (left.row.moment if left else None, right.row.moment if right else None)
        self.show(only_differences=self.only_differences)

    def show(self, *, only_differences: bool) -> None:
        self.only_differences = only_differences
        self.rows = [row for row in self._all if row.differs] if only_differences else self._all

    def cells(self, row: Row) -> list[Cell]:
        tones: tuple[Tone, Tone]
        if row.pair is None:
            mark, tones = cell("◆" if row.is_first else "│", "bad"), ("bad", "ok")
        elif row.pair.differs:
            mark, tones = cell("≠", "warn"), ("warn", "warn")
        else:
            mark, tones = cell("·", "dim"), ("dim", "dim")
        return [
            *_side_cells(row.left, self._began[0], tones[0]),
            mark,
            *_side_cells(row.right, self._began[1], tones[1]),
        ]

    def facts(self) -> list[tuple[str, str, Tone]]:
        counts = self.diff.counts
        return [
            ("alike", str(counts["same"]), ""),
            ("other values", str(counts["changed"]), "warn" if counts["changed"] else "dim"),
            ("only left", str(counts["left"]), "bad" if counts["left"] else "dim"),
            ("only right", str(counts["right"]), "ok" if counts["right"] else "dim"),
        ]

    def step_difference(self, at: int, by: int) -> int:
        """The next row, or the one before, at which a difference begins; the same row if there is none."""
        here = at + by
        while 0 <= here < len(self.rows):
            follows = here > 0 and self.rows[here - 1].differs and not self.only_differences
            if self.rows[here].differs and (not follows or self.rows[here].is_first):
                return here
            here += by
        return at

    def row_of_first(self) -> int:
        """Where the cursor begins: at the parting, or else at the first difference."""
        first = next((at for at, row in enumerate(self.rows) if row.is_first), None)
        return first if first is not None else next((at for at, row in enumerate(self.rows) if row.differs), 0)

    def detail(self, row: Row) -> list[Cell]:
        """What differs in one step, or what each side did instead."""
        if row.pair is not None and not row.pair.differs:
            assert row.left is not None
            return [_head(row.left), cell("the same on both sides", "dim")]
        if row.pair is not None:
            return self._changed(row.pair)
        lines = _alone(row.left, "◀ only left", "bad")
        return [*lines, *([cell("")] if lines and row.right else []), *_alone(row.right, "▶ only right", "ok")]

    def _changed(self, pair: Pair) -> list[Cell]:
        assert pair.left is not None
        lines = [_head(pair.left)]
        for change in self.diff.changes(pair):
            lines += [
                cell(change.path, "accent"),
                (Part("  ◀ ", "bad"), Part(change.left)),
                (Part("  ▶ ", "ok"), Part(change.right)),
            ]
        return lines


def _rows(diff: Diff) -> Iterator[Row]:
    """At a parting, what the left and what the right went on with stand next to one another."""
    left: list[Entry] = []
    right: list[Entry] = []
    first = True
    for pair in [*diff.pairs, None]:
        if pair is None or pair.match in ("same", "changed"):
            for a, b in zip_longest(left, right):
                yield Row(a, b, None, is_first=first)
                first = False
            left, right = [], []
            if pair is not None:
                yield Row(pair.left, pair.right, pair)
        elif pair.left is not None:
            left.append(pair.left)
        elif pair.right is not None:
            right.append(pair.right)


def _side_cells(entry: Entry | None, began: datetime | None, tone: Tone) -> list[Cell]:
    if entry is None:
        return [cell(""), cell(""), cell("")]
    row = entry.row
    since = max(row.moment - began, timedelta()) if began else timedelta()
    parts = [Part(_type(row.type), tone)]
    if row.subject:
        parts.append(Part(f" {_ID.sub('', row.subject)}", "" if tone != "dim" else "dim"))
    text = failure_title(root_cause(row.failure)) if row.failure is not None else row.detail
    if text:
        parts.append(Part(f"  {text}", "bad" if row.failure is not None else "dim"))
    return [cell(str(row.event_id), "dim"), cell(short_duration(since), "dim"), tuple(parts)]


def _type(name: str) -> str:
    for long, short in _SHORT:
        if name.startswith(long):
            return short + name[len(long) :]
    return name


def _head(entry: Entry) -> Cell:
    return (Part(f"{entry.row.type} ", "strong"), Part(entry.row.subject, "accent"))


def _alone(entry: Entry | None, words: str, tone: Tone) -> list[Cell]:
    if entry is None:
        return []
    which = entry.event.WhichOneof("attributes")
    lines: list[Cell] = [(Part(f"{words}  ", tone), *_head(entry))]
    return [*lines, *(message_lines(getattr(entry.event, which), 2) if which else [])]
