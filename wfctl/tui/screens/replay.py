"""Replay to here: which event of this run local code would break at."""

from __future__ import annotations

from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Footer

from wfctl.errors import CommandError, describe
from wfctl.tui.models.cells import Part, cell
from wfctl.tui.models.run import RunModel
from wfctl.tui.models.verdict import Replay, ReplayVerdict
from wfctl.tui.screens.base import View
from wfctl.tui.screens.panes import event_lines
from wfctl.tui.widgets.bars import FactsBar, TopBar, WhyBar
from wfctl.tui.widgets.lines import Lines


class ReplayScreen(View):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("r", "again", "Replay again")]
    title_text = "Replay"

    def __init__(self, model: RunModel, target: str, replay: Replay) -> None:
        super().__init__()
        self._model, self._target, self._replay = model, target, replay
        self.verdict: ReplayVerdict | None = None

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield FactsBar()
        yield WhyBar()
        yield Lines()
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(FactsBar).show(self._model.title(), [("code", self._target, "")])
        self.query_one(Lines).focus()
        self.run_replay()

    def action_again(self) -> None:
        """The code may have been mended meanwhile; each replay loads it anew."""
        self.run_replay()

    @work(exclusive=True, group="replay")
    async def run_replay(self) -> None:
        bar, lines = self.query_one(WhyBar), self.query_one(Lines)
        bar.show((Part("Replay  ", "live"), Part(f"running {self._target} …", "dim")), "live")
        events = [item.event for item in self._model.events.items]
        try:
            verdict = await self.call(
                self._replay, self._target, events, self._model.ref.workflow_id, self._model.run_id
            )
        except CommandError as error:
            bar.show((Part("Replay  ", "bad"), Part("the code could not be run", "")), "bad")
            lines.set_lines([cell(line, "bad") for line in describe(error).split("\n")])
            return
        self.verdict = verdict
        tone = "ok" if verdict.passes else "bad"
        bar.show((Part("Replay  ", tone), Part(verdict.sentence)), tone)  # type: ignore[arg-type]
        item = self._model.events.by_id(verdict.event_id) if verdict.event_id else None
        shown = [*verdict.report]
        if item is not None:
            shown += [cell(""), cell("The event as it was recorded", "strong"), *event_lines(item)]
        lines.set_lines(shown)
