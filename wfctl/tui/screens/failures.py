"""All that failed in a run, each cause unfolded."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Footer

from wfctl.tui.models.cells import Cell, cell
from wfctl.tui.models.run import RunModel
from wfctl.tui.models.values import failure_lines, heading
from wfctl.tui.screens.base import View
from wfctl.tui.widgets.bars import FactsBar, TopBar
from wfctl.tui.widgets.lines import Lines


class FailuresScreen(View):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("w", "leave", show=False)]
    title_text = "Failures"

    def __init__(self, model: RunModel) -> None:
        super().__init__()
        self._model = model

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield FactsBar()
        yield Lines()
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(FactsBar).show(self._model.title(), [], self._model.run_fact())
        lines: list[Cell] = []
        for where, failure in self._model.failures():
            lines += [heading(where), *failure_lines(failure, indent=2), cell("")]
        view = self.query_one(Lines)
        view.set_lines(lines)
        view.focus()
