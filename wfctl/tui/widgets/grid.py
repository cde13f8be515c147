"""A table that draws only the rows in view, so that fifty thousand of them scroll like fifty."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from wfctl.tui.models.cells import Cell, Column, cell
from wfctl.tui.widgets.fit import GAP, fitted, layout
from wfctl.tui.widgets.palette import Palette, segments

_EDGES = 3
"""Columns for the mark before a row, the scrollbar behind it, and a blank between."""


class Cursored(ScrollView, can_focus=True, inherit_bindings=False):
    """Rows with a cursor, and a head that stays: what the table and the timeline have in common."""

    DEFAULT_CSS = """
    Cursored { background: $background; scrollbar-size-vertical: 1; overflow-x: hidden; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open", key_display="⏎"),
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup,ctrl+u", "page(-1)", "Page up", show=False),
        Binding("pagedown,ctrl+d", "page(1)", "Page down", show=False),
        Binding("home,g", "first", "First", show=False),
        Binding("end,G", "last", "Last", show=False),
    ]

    class Highlighted(Message):
        def __init__(self, grid: Cursored, index: int) -> None:
            super().__init__()
            self.grid, self.index = grid, index

        @property
        def control(self) -> Cursored:
            return self.grid

    class Opened(Highlighted):
        """Enter, or a second click."""

    class NearEnd(Message):
        def __init__(self, grid: Cursored) -> None:
            super().__init__()
            self.grid = grid

    cursor: reactive[int] = reactive(0, repaint=False)
    head_height = 1

    @property
    def row_count(self) -> int:
        return 0

    @property
    def palette(self) -> Palette:
        palette: Palette = getattr(self.app, "palette")  # noqa: B009 (the app is on a higher floor)
        return palette

    def refresh_rows(self) -> None:
        """The rows have changed."""
        size = Size(self.size.width or 1, self.row_count + self.head_height)
        if size != self.virtual_size:
            self.virtual_size = size
        self.set_reactive(Cursored.cursor, min(max(self.cursor, 0), max(self.row_count - 1, 0)))
        self.refresh()

    # Handlers.

    def watch_cursor(self, before: int, after: int) -> None:
        self.scroll_to_cursor()
        self.refresh()
        self.post_message(self.Highlighted(self, after))
        if after >= self.row_count - 20:
            self.post_message(self.NearEnd(self))

    def validate_cursor(self, value: int) -> int:
        return min(max(value, 0), max(self.row_count - 1, 0))

    def scroll_to_cursor(self) -> None:
        rows_in_view = max(self.scrollable_content_region.height - self.head_height, 1)
        top = int(self.scroll_offset.y)
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, force=True)
        elif self.cursor >= top + rows_in_view:
            self.scroll_to(y=self.cursor - rows_in_view + 1, animate=False, force=True)

    def on_resize(self, event: events.Resize) -> None:
        self.refresh_rows()
        self.scroll_to_cursor()

    def on_click(self, event: events.Click) -> None:
        index = int(self.scroll_offset.y) + event.y - self.head_height
        if event.y < self.head_height or not 0 <= index < self.row_count:
            return
        if index == self.cursor or event.chain > 1:
            self.cursor = index
            self.action_open()
        else:
            self.cursor = index

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def action_move(self, by: int) -> None:
        self.cursor += by

    def action_page(self, pages: int) -> None:
        self.cursor += pages * max(self.scrollable_content_region.height - self.head_height - 1, 1)

    def action_first(self) -> None:
        self.cursor = 0

    def action_last(self) -> None:
        self.cursor = self.row_count - 1

    def action_open(self) -> None:
        if self.row_count:
            self.post_message(self.Opened(self, self.cursor))

    def row_at(self, y: int) -> int:
        return int(self.scroll_offset.y) + y - self.head_height

    def blank(self) -> Strip:
        return Strip([Segment(" " * self.size.width, self.palette.style(""))], self.size.width)


class Grid(Cursored):
    """Columns and rows. `cells_of` is asked for the rows in view only."""

    class Sorted(Message):
        def __init__(self, grid: Grid, key: str) -> None:
            super().__init__()
            self.grid, self.key = grid, key

    def __init__(
        self,
        columns: Sequence[Column],
        cells_of: Callable[[Any], list[Cell]],
        key_of: Callable[[Any], Any] | None = None,
        *,
        empty: str = "nothing here",
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.columns = list(columns)
        self.cells_of = cells_of
        self.key_of = key_of
        self.rows: Sequence[Any] = []
        self.marked: Callable[[Any], bool] = lambda _: False
        self.empty = empty
        self.sort_key = ""
        self.descending = False

    @property
    def row_count(self) -> int:
        return len(self.rows)

    @property
    def current(self) -> Any:
        return self.rows[self.cursor] if 0 <= self.cursor < len(self.rows) else None

    def set_rows(self, rows: Sequence[Any]) -> None:
        """Show these; the cursor stays on what it was on, and at the same height of the screen."""
        key = self._cursor_key
        height = self.cursor - int(self.scroll_offset.y)
        self.rows = rows
        self.refresh_rows()
        if key is not None and self.key_of is not None and self._cursor_key != key:
            index = next((i for i, row in enumerate(rows) if self.key_of(row) == key), None)
            if index is not None and index != self.cursor:
                self.set_reactive(Cursored.cursor, index)
                self.scroll_to(y=max(index - height, 0), animate=False, force=True)
        self._remember()

    _cursor_key: Any = None

    def _remember(self) -> None:
        if self.key_of is not None and self.current is not None:
            self._cursor_key = self.key_of(self.current)

    def refresh_rows(self) -> None:
        super().refresh_rows()
        if self.key_of is not None and self.current is not None and self._cursor_key is None:
            self._remember()

    def watch_cursor(self, before: int, after: int) -> None:
        self._remember()
        super().watch_cursor(before, after)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        places = layout(self.columns, width - _EDGES)
        if y == 0:
            return self._head(places, width)
        index = self.row_at(y)
        if not 0 <= index < len(self.rows):
            if index == 0 and self.empty:
                return Strip(segments(cell(f" {self.empty}", "dim"), self.palette)).adjust_cell_length(
                    width, self.palette.style("")
                )
            return self.blank()
        return self._row(index, places, width)

    def _head(self, places: list[tuple[int, int]], width: int) -> Strip:
        palette = self.palette
        pieces = [Segment(" ", palette.style("dim", palette.surface))]
        for number, (index, column_width) in enumerate(places):
            column = self.columns[index]
            is_sorted = column.key == self.sort_key and bool(self.sort_key)
            arrow = (" ↓" if self.descending else " ↑") if is_sorted else ""
            title = cell(column.title + arrow, "live" if is_sorted else "dim")
            pieces.extend(fitted(title, column_width, column.align, palette, palette.surface))
            if number < len(places) - 1:
                pieces.append(Segment(" " * GAP, palette.style("", palette.surface)))
        return Strip(pieces).adjust_cell_length(width, palette.style("", palette.surface))

    def _row(self, index: int, places: list[tuple[int, int]], width: int) -> Strip:
        palette, row = self.palette, self.rows[index]
        is_marked = self.marked(row)
        if index == self.cursor:
            background = palette.cursor if self.has_focus else palette.cursor_unfocused
        else:
            background = palette.mark if is_marked else palette.background
        lead = "▌" if is_marked else " "
        pieces = [Segment(lead, palette.style("accent", background))]
        cells = self.cells_of(row)
        for number, (column_index, column_width) in enumerate(places):
            align = self.columns[column_index].align
            pieces.extend(fitted(cells[column_index], column_width, align, palette, background))
            if number < len(places) - 1:
                pieces.append(Segment(" " * GAP, palette.style("", background)))
        return Strip(pieces).adjust_cell_length(width, palette.style("", background))

    def on_click(self, event: events.Click) -> None:
        if event.y == 0:
            at = 1
            for index, column_width in layout(self.columns, self.size.width - _EDGES):
                if at <= event.x < at + column_width:
                    self.post_message(self.Sorted(self, self.columns[index].key))
                at += column_width + GAP
            return
        super().on_click(event)

    def cursor_region(self) -> Region:
        return Region(0, self.cursor - int(self.scroll_offset.y) + 1, self.size.width, 1)
