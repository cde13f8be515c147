"""The timeline: each activity, timer, child and message as a bar on a time axis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.geometry import Size
from textual.strip import Strip

from wfctl.tui.models.axis import Axis, Window, build_axis
from wfctl.tui.models.cells import Cell, Part, cell, named
from wfctl.tui.models.spans import KIND_MARKS, Span
from wfctl.tui.widgets.fit import fitted
from wfctl.tui.widgets.grid import Cursored
from wfctl.tui.widgets.palette import segments
from wfctl.view.durations import short_duration

_TOOK_WIDTH = 9
_TICK_EVERY = 14


class Gantt(Cursored):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus,equals_sign", "zoom(2.0)", "Zoom", key_display="+ -"),
        Binding("minus", "zoom(0.5)", "Zoom out", show=False),
        Binding("left,h", "pan(-0.25)", "Pan left", show=False),
        Binding("right,l", "pan(0.25)", "Pan right", show=False),
        Binding("0", "fit", "Fit", show=False),
        Binding("c", "compress", "Gaps"),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.spans: Sequence[Span] = ()
        self.window = Window()
        self.compressed = True
        self._axis: Axis | None = None
        self._until: datetime | None = None
        self._shown: tuple[int, datetime, datetime, bool] | None = None
        self.empty = "no activities, timers, children or messages yet"

    @property
    def row_count(self) -> int:
        return len(self.spans)

    @property
    def current(self) -> Span | None:
        return self.spans[self.cursor] if 0 <= self.cursor < len(self.spans) else None

    def show(self, spans: Sequence[Span], began: datetime, until: datetime) -> None:
        shown = (len(spans), began, until, self.compressed)
        if self._axis is None or shown != self._shown:
            self._axis = build_axis(spans, began, until, compress=self.compressed)
        self.spans, self._until, self._shown = spans, until, shown
        self.refresh_rows()

    # Drawing.

    @property
    def _name_width(self) -> int:
        return min(max(self.size.width * 3 // 10, 14), 44)

    @property
    def _bar_width(self) -> int:
        return max(self.size.width - self._name_width - _TOOK_WIDTH - 3, 4)

    def render_line(self, y: int) -> Strip:
        if self._axis is None or self._until is None:
            return self.blank()
        if y == 0:
            return self._axis_line(self._axis)
        index = self.row_at(y)
        if not 0 <= index < len(self.spans):
            if index == 0:
                return Strip(segments(cell(f" {self.empty}", "dim"), self.palette)).adjust_cell_length(
                    self.size.width, self.palette.style("")
                )
            return self.blank()
        return self._span_line(self._axis, self.spans[index], index == self.cursor, self._until)

    def _axis_line(self, axis: Axis) -> Strip:
        palette, width = self.palette, self._bar_width
        ticks = [" "] * width
        for column, label in self._ticks(axis, width):
            ticks[column : column + len(label)] = label
        left = cell(f" {len(self.spans)} spans", "dim")
        zoom = f"{1 / self.window.width:.0f}×" if self.window.width < 0.99 else ""
        pieces = [
            *fitted(left, self._name_width + 1, "left", palette, palette.surface),
            Segment("".join(ticks), palette.style("dim", palette.surface)),
            *fitted(cell(zoom, "live"), _TOOK_WIDTH + 2, "right", palette, palette.surface),
        ]
        return Strip(pieces).adjust_cell_length(self.size.width, palette.style("", palette.surface))

    def _ticks(self, axis: Axis, width: int) -> Iterator[tuple[int, str]]:
        """Where the time is written, and as what: whole seconds, minutes, hours, as far as there are any to be found."""
        free = 0
        for at in range(0, width, _TICK_EVERY):
            here = axis.moment(self.window.place(at, width)) - axis.began
            before = axis.moment(self.window.place(max(at - _TICK_EVERY, 0), width)) - axis.began
            offset = _rounded(here, here - before)
            column = self.window.column(axis.place(axis.began + offset), width)
            label = f"╷{_tick(offset)}"
            if free <= column and column + len(label) <= width:
                free = column + len(label) + 1
                yield column, label

    def _span_line(self, axis: Axis, span: Span, is_cursor: bool, until: datetime) -> Strip:
        palette = self.palette
        background = palette.background
        if is_cursor:
            background = palette.cursor if self.has_focus else palette.cursor_unfocused
        name: Cell = (Part(f" {KIND_MARKS.get(span.kind, '·')} ", span.tone), *named(span.name))
        took = "" if span.state == "point" else short_duration((span.ended or until) - span.began)
        pieces = [
            *fitted(name, self._name_width, "left", palette, background),
            Segment(" ", palette.style("", background)),
            *self._bar(axis, span, until, background),
            *fitted(cell(took, "live" if span.is_open else "dim"), _TOOK_WIDTH + 1, "right", palette, background),
        ]
        return Strip(pieces).adjust_cell_length(self.size.width, palette.style("", background))

    def _bar(self, axis: Axis, span: Span, until: datetime, background: Color) -> list[Segment]:
        palette, width = self.palette, self._bar_width
        chars = [" "] * width
        styles = [palette.soft("dim", 0.55, background)] * width
        for left, right, _ in axis.gaps:
            middle = self.window.column((left + right) / 2, width)
            if 0 <= middle < width:
                chars[middle] = "┊"
        began = self.window.column(axis.place(span.began), width)
        ended = self.window.column(axis.place(span.ended or until), width)
        started = self.window.column(axis.place(span.started), width) if span.started else None
        tone = palette.style(span.tone, background)
        queued = palette.soft(span.tone, 0.45, background)
        if span.state == "point" or span.began == span.ended:
            if min(began, width - 1) >= 0 and began <= width:
                at = min(max(began, 0), width - 1)
                chars[at], styles[at] = "✗" if span.kind == "task" else "◆", tone
        else:
            glyph = "━" if span.kind in ("timer", "child") else "▆"
            for at in range(max(began, 0), min(max(ended, began + 1), width)):
                is_queued = span.kind in ("activity", "nexus") and (started is None or at < started)
                chars[at] = "╌" if is_queued else glyph
                styles[at] = queued if is_queued else tone
            self._end_mark(span, chars, styles, ended, tone, width)
        if span.attempt > 1:
            label = f"↻{span.attempt}"
            at = min(max(ended, began + 1) + 1, width - len(label))
            for offset, char in enumerate(label):
                if 0 <= at + offset < width:
                    chars[at + offset] = char
                    styles[at + offset] = palette.style("warn", background)
        return [Segment(char, style) for char, style in zip(chars, styles, strict=True)]

    def _end_mark(self, span: Span, chars: list[str], styles: list[Style], ended: int, tone: Style, width: int) -> None:
        """What is under way ends in an arrow that grows with time."""
        if span.is_open:
            at = min(max(ended - 1, 0), width - 1)
            chars[at], styles[at] = "▶", tone

    # Keys.

    def action_zoom(self, factor: float) -> None:
        around = 0.5
        if self._axis is not None and self.current is not None:
            place = self._axis.place(self.current.began)
            around = min(max((place - self.window.left) / self.window.width, 0.0), 1.0)
        self.window = self.window.zoomed(factor, around)
        self.refresh()

    def action_pan(self, share: float) -> None:
        self.window = self.window.panned(share)
        self.refresh()

    def action_fit(self) -> None:
        self.window = Window()
        self.refresh()

    def action_compress(self) -> None:
        self.compressed = not self.compressed
        if self._axis is not None and self._until is not None:
            self.show(self.spans, self._axis.began, self._until)
        self.notify("idle gaps compressed" if self.compressed else "idle gaps at their length")

    def watch_cursor(self, before: int, after: int) -> None:
        super().watch_cursor(before, after)
        if self._axis is not None and self.current is not None:
            self.window = self.window.showing(self._axis.place(self.current.began))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return self.row_count + 1


_STEPS = tuple(
    timedelta(seconds=seconds)
    for seconds in (
        86400 * 7, 86400, 43200, 21600, 10800, 3600, 1800, 900, 600, 300, 120, 60, 30, 15, 10, 5, 2, 1, 0.5, 0.2, 0.1,
        0.05, 0.02, 0.01,
    )
)  # fmt: skip


def _rounded(offset: timedelta, distance: timedelta) -> timedelta:
    """Down to a number that people count in, but by no more than what is between two ticks."""
    step = next((step for step in _STEPS if step <= distance), None)
    return offset // step * step if step else offset


def _tick(offset: timedelta) -> str:
    return f"+{short_duration(offset)}" if offset else "0"
