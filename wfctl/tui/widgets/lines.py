"""Text of any length, wrapped to the width, drawn only where it is in view."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from typing import ClassVar, Literal

from rich.segment import Segment
from textual import events
from textual.app import SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from wfctl.tui.models.cells import Cell
from wfctl.tui.models.folding import around, folds_of, holder, visible
from wfctl.tui.models.values import plain
from wfctl.tui.widgets.fit import wrapped
from wfctl.tui.widgets.palette import Palette, segments
from wfctl.view.safe import safe_text


def palette_of(widget: Widget) -> Palette:
    palette: Palette = getattr(widget.app, "palette")  # noqa: B009 (the app is on a higher floor)
    return palette


class Lines(ScrollView, can_focus=True, inherit_bindings=False):
    """Scrolls, folds, copies and finds. A cursor is there once it is moved, for only folding needs one."""

    DEFAULT_CSS = """
    Lines { background: $background; padding: 0 1; scrollbar-size-vertical: 1; overflow-x: hidden; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup,ctrl+u", "page_up", "Page up", show=False),
        Binding("pagedown,ctrl+d,space", "page_down", "Page down", show=False),
        Binding("home,g", "scroll_home", "Top", show=False),
        Binding("end,G", "scroll_end", "End", show=False),
        Binding("enter", "fold", "Fold, unfold", show=False),
        Binding("left,h", "close", "Fold", show=False),
        Binding("right,l", "unfold", "Unfold", show=False),
        Binding("minus", "fold_all", "Fold all", show=False),
        Binding("plus,equals_sign", "unfold_all", "Unfold all", show=False),
        Binding("slash", "search", "Find", show=False),
        Binding("n", "find(1)", "Next found", show=False),
        Binding("N", "find(-1)", "Found before", show=False),
        Binding("y", "copy", "Copy"),
        Binding("Y", "copy_part", "Copy what is folded at the cursor", show=False),
        Binding("o", "pager", "Pager", show=False),
        Binding("e", "editor", "Editor", show=False),
    ]

    class SearchAsked(Message):
        """Somebody wants to find something here, and is to be asked what."""

        def __init__(self, lines: Lines) -> None:
            super().__init__()
            self.lines = lines

    def __init__(
        self,
        *,
        id: str | None = None,
        classes: str | None = None,
        ground: Literal["background", "surface"] = "background",
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._ground = ground
        self.lines: Sequence[Cell] = ()
        self.cursor: int | None = None
        self._folds: dict[int, int] = {}
        self._folded: set[int] = set()
        self._pattern: re.Pattern[str] | None = None
        self._wrapped: list[Cell] = []
        self._sources: list[int] = []
        """Of each wrapped line, the line that it is of."""
        self._wrapped_at = 0

    def set_lines(self, lines: Sequence[Cell]) -> None:
        """Show these; the place stays, and what was folded stays so where it is still the same."""
        fresh = list(lines)
        if fresh == list(self.lines):
            return
        before, self.lines = self.lines, fresh
        self._folds = folds_of(fresh)
        self._folded = {index for index in self._folded if index in self._folds and fresh[index] == before[index]}
        if self.cursor is not None:
            self.cursor = min(self.cursor, max(len(fresh) - 1, 0))
        self._wrap()

    def on_resize(self, event: events.Resize) -> None:
        if self.scrollable_content_region.width != self._wrapped_at:
            self._wrap()

    def _wrap(self) -> None:
        width = max(self.scrollable_content_region.width, 1)
        self._wrapped_at = width
        self._wrapped, self._sources = [], []
        for index, line in visible(self.lines, self._folds, self._folded):
            pieces = wrapped([line], width)
            self._wrapped += pieces
            self._sources += [index] * len(pieces)
        self.virtual_size = Size(width, len(self._wrapped))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        palette, width = palette_of(self), self.size.width
        ground: Color = getattr(palette, self._ground)
        index = int(self.scroll_offset.y) + y
        blank = palette.style("", ground)
        if not 0 <= index < len(self._wrapped):
            return Strip([Segment(" " * width, blank)], width)
        is_cursor = self.cursor is not None and self._sources[index] == self.cursor and self.has_focus
        row_ground = palette.cursor if is_cursor else ground
        strip = Strip(segments(self._wrapped[index], palette, row_ground))
        if self._pattern is not None:
            strip = _marked(strip, self._pattern, palette)
        return strip.adjust_cell_length(width, palette.style("", row_ground))

    # The cursor and folding.

    def _row_of(self, index: int) -> int:
        return next((row for row, source in enumerate(self._sources) if source == index), 0)

    def _show_cursor(self) -> None:
        if self.cursor is None:
            return
        row, top = self._row_of(self.cursor), int(self.scroll_offset.y)
        height = max(self.scrollable_content_region.height, 1)
        if not top <= row < top + height:
            self.scroll_to(y=row if row < top else row - height + 1, animate=False, force=True)
        self.refresh()

    def action_move(self, by: int) -> None:
        """Text without anything to fold only scrolls."""
        if not self._folds:
            self.scroll_relative(y=by, animate=False)
            return
        if self.cursor is None:
            self.cursor = self._sources[min(int(self.scroll_offset.y), len(self._sources) - 1)]
        else:
            shown = list(dict.fromkeys(self._sources))
            self.cursor = shown[min(max(shown.index(self.cursor) + by, 0), len(shown) - 1)]
        self._show_cursor()

    def on_click(self, event: events.Click) -> None:
        row = int(self.scroll_offset.y) + event.y
        if 0 <= row < len(self._sources) and self._folds:
            self.cursor = self._sources[row]
            if self.cursor in self._folds:
                self._toggle(self.cursor)
            self.refresh()

    def _toggle(self, index: int) -> None:
        self._folded.symmetric_difference_update({index})
        self._wrap()
        self._show_cursor()

    def action_fold(self) -> None:
        place = holder(self._folds, self.cursor) if self.cursor is not None else None
        if place is not None:
            self.cursor = place
            self._toggle(place)

    def action_close(self) -> None:
        """What the cursor is in; what is closed already, the one around it."""
        if self.cursor is None:
            return
        place = holder(self._folds, self.cursor)
        if place is not None and place in self._folded:
            place = max(around(self._folds, place), default=None)
        if place is not None:
            self.cursor = place
            self._folded.add(place)
            self._wrap()
            self._show_cursor()

    def action_unfold(self) -> None:
        if self.cursor is not None and self.cursor in self._folded:
            self._toggle(self.cursor)

    def action_fold_all(self) -> None:
        """All but what is outermost, so that its names are seen."""
        self._folded = {index for index in self._folds if around(self._folds, index)}
        if self.cursor is not None:
            self.cursor = min(
                (index for index in around(self._folds, self.cursor) if index in self._folded), default=self.cursor
            )
        self._wrap()
        self._show_cursor()

    def action_unfold_all(self) -> None:
        self._folded.clear()
        self._wrap()
        self._show_cursor()

    # Finding and taking away.

    def action_search(self) -> None:
        self.post_message(self.SearchAsked(self))

    def search(self, text: str) -> None:
        """Mark what matches, a regular expression or else the words as they stand, and go to the first."""
        if not text:
            self._pattern = None
            self.refresh()
            return
        try:
            self._pattern = re.compile(text, re.IGNORECASE)
        except re.error:
            self._pattern = re.compile(re.escape(text), re.IGNORECASE)
        self._go_to_found(1, include_here=True)

    def action_find(self, by: int) -> None:
        if self._pattern is None:
            self.action_search()
        else:
            self._go_to_found(by, include_here=False)

    def _go_to_found(self, by: int, *, include_here: bool) -> None:
        """Round and round; what is folded opens where something is found in it."""
        assert self._pattern is not None
        count = len(self.lines)
        top = self._sources[min(int(self.scroll_offset.y), len(self._sources) - 1)] if self._sources else 0
        start = self.cursor if self.cursor is not None else top
        first = 0 if include_here else 1
        for step in range(first, count + first):
            index = (start + by * step) % count
            if self._pattern.search("".join(part.text for part in self.lines[index])):
                self._folded.difference_update(around(self._folds, index))
                self.cursor = index
                self._wrap()
                self._show_cursor()
                return
        self.notify("not found", severity="warning")

    def text(self) -> str:
        return plain(self.lines)

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(self.text())
        self.notify("copied")

    def action_copy_part(self) -> None:
        place = holder(self._folds, self.cursor) if self.cursor is not None else None
        if place is None:
            self.action_copy()
            return
        part = self.lines[place : self._folds[place] + 1]
        self.app.copy_to_clipboard(plain(part))
        self.notify(f"{len(part)} lines copied")

    def action_pager(self) -> None:
        self._open_in(os.environ.get("PAGER") or "less")

    def action_editor(self) -> None:
        self._open_in(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")

    def _open_in(self, program: str) -> None:
        """In a file of its own, with the terminal lent to the program meanwhile. What it may obey is taken out."""
        with tempfile.NamedTemporaryFile("w", prefix="wfctl-", suffix=".txt", encoding="utf-8") as file:
            file.write(safe_text(self.text()))
            file.flush()
            try:
                with self.app.suspend():
                    subprocess.run([*shlex.split(program), file.name], check=False)
            except SuspendNotSupported:
                self.notify("not where this runs", severity="warning")
            except OSError as error:
                self.notify(f"{program}: {error.strerror}", severity="error", markup=False)


def _marked(strip: Strip, pattern: re.Pattern[str], palette: Palette) -> Strip:
    """With what matches on another ground."""
    text = strip.text
    matches = [match.span() for match in pattern.finditer(text) if match.end() > match.start()]
    if not matches:
        return strip
    pieces: list[Segment] = []
    at = 0
    for segment in strip:
        for char in segment.text:
            is_match = any(start <= at < end for start, end in matches)
            pieces.append(Segment(char, palette.found(segment.style) if is_match else segment.style))
            at += 1
    return Strip(pieces).simplify()
