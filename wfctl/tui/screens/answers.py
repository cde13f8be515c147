"""What a query or an update answered."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.widgets import Footer

from wfctl.tui.models.cells import Cell
from wfctl.tui.screens.base import View
from wfctl.tui.widgets.bars import TopBar
from wfctl.tui.widgets.lines import Lines


class AnswerScreen(View):
    title_text = "Answer"

    def __init__(self, lines: Sequence[Cell]) -> None:
        super().__init__()
        self._lines = lines

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield Lines()
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        super().on_mount()
        view = self.query_one(Lines)
        view.set_lines(self._lines)
        view.focus()
