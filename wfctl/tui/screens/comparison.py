"""Two runs side by side: what both did, where they part, and what differs in each step."""

from __future__ import annotations

from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widgets import Footer

from wfctl.errors import CommandError
from wfctl.tui.feeds import diffs
from wfctl.tui.models.cells import Cell, Part, Tone
from wfctl.tui.models.compare import COMPARE_COLUMNS, Comparison, Row
from wfctl.tui.models.run import RunRef
from wfctl.tui.screens.base import View, told
from wfctl.tui.widgets.bars import FactsBar, Notice, TopBar, WhyBar
from wfctl.tui.widgets.grid import Cursored, Grid
from wfctl.tui.widgets.lines import Lines
from wfctl.view.diff import Diff, compare

_WIDE = 160


class ComparisonScreen(View):
    DEFAULT_CSS = """
    ComparisonScreen #sides { height: 1fr; layout: vertical; }
    ComparisonScreen Grid { height: 1fr; width: 1fr; }
    ComparisonScreen #change { height: 35%; border-top: solid $foreground 20%; }
    ComparisonScreen.plain #change { display: none; }
    ComparisonScreen.wide #sides { layout: horizontal; }
    ComparisonScreen.wide #change { height: 1fr; width: 30%; border-top: none; border-left: solid $foreground 20%; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "difference(1)", "Next difference"),
        Binding("p,N", "difference(-1)", "Before", show=False),
        Binding("m", "only_differences", "All/differences"),
        Binding("t", "tasks", "Workflow tasks"),
        Binding("x", "swap", "Swap"),
        Binding("enter", "detail", "Details", key_display="⏎", show=False),
    ]

    title_text = "Diff"

    def __init__(self, ref: RunRef, other: str | RunRef = "", read_file: diffs.ReadFile | None = None) -> None:
        """`other` is what `other_side` takes."""
        super().__init__()
        self._ref, self._other, self._read_file = ref, other, read_file
        self._sides: tuple[diffs.Recorded, diffs.Recorded] | None = None
        self._tasks = False
        self.comparison: Comparison | None = None

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield FactsBar(id="facts")
        yield WhyBar(id="verdict")
        yield Notice(id="notice")
        with Container(id="sides"):
            yield Grid(COMPARE_COLUMNS, self._cells, _row_key, empty="reading …", id="pairs")
            yield Lines(id="change")
        yield Footer(compact=True, show_command_palette=False)

    def _cells(self, row: Row) -> list[Cell]:
        assert self.comparison is not None
        return self.comparison.cells(row)

    @property
    def grid(self) -> Grid:
        return self.query_one("#pairs", Grid)

    def on_mount(self) -> None:
        super().on_mount()
        self.grid.focus()
        self.read()

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width >= _WIDE, "wide")

    @work(exclusive=True, group="read")
    async def read(self) -> None:
        try:
            self._sides = await self.call(self._fetch)
        except CommandError as error:
            self.grid.empty = ""
            self.grid.refresh()
            self.say_failed(error)
            self.query_one(Notice).say(told(error), "bad")
            return
        self.say_answered()
        await self._compare()

    def _fetch(self) -> tuple[diffs.Recorded, diffs.Recorded]:
        one = diffs.history(self.source, self._ref)
        other = diffs.other_side(self.source, self._other, one, self._read_file)
        # The earlier one is to the left.
        return (other, one) if _begins(other) <= _begins(one) else (one, other)

    async def _compare(self) -> None:
        if self._sides is None:
            return
        left, right = self._sides
        found: Diff = await self.call(lambda: compare(left.events, right.events, tasks=self._tasks))
        only = self.comparison.only_differences if self.comparison is not None else False
        self.comparison = Comparison(found, only)
        self._draw_head(left, right)
        self.grid.empty = "no difference"
        self.grid.set_rows(self.comparison.rows)
        self.grid.cursor = self.comparison.row_of_first()
        self.grid.scroll_to(y=max(self.grid.cursor - self.grid.size.height // 3, 0), animate=False, force=True)
        self._show_change()

    def _draw_head(self, left: diffs.Recorded, right: diffs.Recorded) -> None:
        assert self.comparison is not None
        title: Cell = (
            Part("◀ ", "bad"),
            Part(left.name, "strong"),
            Part(f"  {left.run_id}", "dim"),
            Part("    ▶ ", "ok"),
            Part(right.name if right.name != left.name else "", "strong"),
            Part(f"  {right.run_id}" if right.name != left.name else right.run_id, "dim"),
        )
        self.query_one("#facts", FactsBar).show(title, self.comparison.facts())
        diff = self.comparison.diff
        tone: Tone = "ok" if diff.is_same else "warn" if diff.first_parting is None else "bad"
        self.query_one("#verdict", WhyBar).show((Part("Diff  ", tone), Part(diff.sentence())), tone)

    @on(Cursored.Highlighted)
    def _show_change(self) -> None:
        if self.comparison is not None and self.grid.current is not None:
            self.query_one("#change", Lines).set_lines(self.comparison.detail(self.grid.current))
        elif self.comparison is not None:
            self.query_one("#change", Lines).set_lines([])

    @on(Cursored.Opened)
    def action_detail(self) -> None:
        self.toggle_class("plain")

    def action_difference(self, by: int) -> None:
        if self.comparison is not None:
            self.grid.cursor = self.comparison.step_difference(self.grid.cursor, by)

    def action_only_differences(self) -> None:
        if self.comparison is None:
            return
        self.comparison.show(only_differences=not self.comparison.only_differences)
        self.grid.set_rows(self.comparison.rows)
        self._show_change()

    @work(exclusive=True, group="read")
    async def action_tasks(self) -> None:
        self._tasks = not self._tasks
        await self._compare()

    @work(exclusive=True, group="read")
    async def action_swap(self) -> None:
        if self._sides is not None:
            self._sides = (self._sides[1], self._sides[0])
            await self._compare()


def _begins(side: diffs.Recorded) -> int:
    return int(side.events[0].event_time.ToNanoseconds()) if side.events else 0


def _row_key(row: Row) -> tuple[int, int]:
    return (row.left.row.event_id if row.left else 0, row.right.row.event_id if row.right else 0)
