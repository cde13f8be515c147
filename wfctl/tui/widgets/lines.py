"""Text of any length, wrapped to the width, drawn only where it is in view."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.app import SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from wfctl.tui.models.cells import Cell
from wfctl.tui.models.values import plain
from wfctl.tui.widgets.fit import wrapped
from wfctl.tui.widgets.palette import Palette, segments
from wfctl.view.safe import safe_text


def palette_of(widget: Widget) -> Palette:
    palette: Palette = getattr(widget.app, "palette")  # noqa: B009 (the app is on a higher floor)
    return palette


class Lines(ScrollView, can_focus=True, inherit_bindings=False):
    """Scrolls, copies (`y`) and finds (`find`)."""

    DEFAULT_CSS = """
    Lines { background: $background; padding: 0 1; scrollbar-size-vertical: 1; overflow-x: hidden; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", "Up", show=False),
        Binding("down,j", "scroll_down", "Down", show=False),
        Binding("pageup,ctrl+u", "page_up", "Page up", show=False),
        Binding("pagedown,ctrl+d,space", "page_down", "Page down", show=False),
        Binding("home,g", "scroll_home", "Top", show=False),
        Binding("end,G", "scroll_end", "End", show=False),
        Binding("y", "copy", "Copy"),
        Binding("o", "pager", "Pager", show=False),
        Binding("e", "editor", "Editor", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.lines: Sequence[Cell] = ()
        self._wrapped: list[Cell] = []
        self._wrapped_at = 0

    def set_lines(self, lines: Sequence[Cell]) -> None:
        """Show these; the place stays."""
        if list(lines) == list(self.lines):
            return
        self.lines = list(lines)
        self._wrap()

    def on_resize(self, event: events.Resize) -> None:
        if self.scrollable_content_region.width != self._wrapped_at:
            self._wrap()

    def _wrap(self) -> None:
        width = max(self.scrollable_content_region.width, 1)
        self._wrapped_at = width
        self._wrapped = wrapped(self.lines, width)
        self.virtual_size = Size(width, len(self._wrapped))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        palette, width = palette_of(self), self.size.width
        index = int(self.scroll_offset.y) + y
        if not 0 <= index < len(self._wrapped):
            return Strip([Segment(" " * width, palette.style(""))], width)
        return Strip(segments(self._wrapped[index], palette)).adjust_cell_length(width, palette.style(""))

    def find(self, pattern: re.Pattern[str]) -> bool:
        """Scroll to the next line that matches, from below the top on and round."""
        top = int(self.scroll_offset.y)
        count = len(self._wrapped)
        for step in range(1, count + 1):
            index = (top + step) % count
            if pattern.search("".join(part.text for part in self._wrapped[index])):
                self.scroll_to(y=index, animate=False)
                return True
        return False

    def text(self) -> str:
        return plain(self.lines)

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(self.text())
        self.notify("copied")

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
