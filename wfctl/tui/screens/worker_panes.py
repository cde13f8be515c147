"""The tabs of a run that ask a worker: its handlers, and its stack. Each says in place when nobody answers."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from textual import on, work
from textual.app import ComposeResult

from wfctl.errors import CommandError
from wfctl.tui.feeds.actions import QUERY, SIGNAL, UPDATE
from wfctl.tui.feeds.handlers import Handler, handlers, query
from wfctl.tui.feeds.requests import Field
from wfctl.tui.feeds.source import Source
from wfctl.tui.models.cells import Cell, Column, Tone, cell
from wfctl.tui.models.run import RunRef
from wfctl.tui.models.values import heading, payloads_lines
from wfctl.tui.screens.base import told
from wfctl.tui.screens.dialogs import Dialog
from wfctl.tui.screens.panes import Pane
from wfctl.tui.widgets.bars import Notice
from wfctl.tui.widgets.grid import Cursored, Grid
from wfctl.tui.widgets.lines import Lines

if TYPE_CHECKING:
    from wfctl.tui.screens.base import View

_COLUMNS = (
    Column("kind", "Kind", width=8),
    Column("name", "Name", weight=1, least=12),
    Column("description", "Description", weight=2, least=10, priority=1),
)


def _cells(handler: Handler) -> list[Cell]:
    return [cell(handler.kind, "dim"), cell(handler.name, "strong"), cell(handler.description, "dim")]


class WorkerPane(Pane):
    """Asks once it is opened, and again when told to."""

    @property
    def view(self) -> View:
        return cast("View", self.screen)

    @property
    def run_ref(self) -> RunRef:
        return RunRef(self.model.ref.workflow_id, self.model.run_id)

    def say(self, error: CommandError | None) -> None:
        self.query_one(Notice).say(told(error) if error else "", "warn")


class HandlersPane(WorkerPane):
    DEFAULT_CSS = """
    HandlersPane .answer { height: 50%; border-top: solid $foreground 20%; display: none; }
    HandlersPane.answered .answer { display: block; }
    """

    def compose(self) -> ComposeResult:
        yield Notice()
        grid = Grid(_COLUMNS, _cells, lambda handler: (handler.kind, handler.name), empty="asking a worker …")
        grid.add_class("main")
        yield grid
        answer = Lines(id="answer")
        answer.add_class("answer")
        yield answer

    def opened(self) -> None:
        self.list_handlers()

    @work(exclusive=True, group="handlers")
    async def list_handlers(self) -> None:
        source, ref = self.view.source, self.run_ref
        grid = self.query_one(Grid)
        try:
            found = await self.view.call(handlers, source, ref)
            self.say(None)
        except CommandError as error:
            found = []
            self.say(error)
        grid.empty = "no handlers"
        grid.set_rows(found)

    @on(Cursored.Opened)
    def _opened(self) -> None:
        handler: Handler | None = self.query_one(Grid).current
        if handler is not None:
            self.ask(handler)

    @work(group="ask")
    async def ask(self, handler: Handler) -> None:
        source, ref = self.view.source, self.run_ref
        if handler.kind != "query" and source.read_only:
            self.notify("this is read-only", severity="warning")
            return
        what = f"{handler.description or handler.kind} — workflow {ref.workflow_id}"
        form = Dialog(
            f"{handler.kind.capitalize()} {handler.name}",
            what,
            [Field("input", "Arguments, as JSON")],
            verb="Send",
        )
        values = await self.app.push_screen_wait(form)
        if values is None:
            return
        self.add_class("answered")
        lines = self.query_one("#answer", Lines)
        lines.set_lines([cell(f"asking {handler.name} …", "dim")])
        try:
            answer = await self.view.call(_asked, source, ref, handler, values["input"])
        except CommandError as error:
            lines.set_lines([heading(f"{handler.kind} {handler.name}"), cell(told(error), "bad")])
            return
        lines.set_lines(answer)


_ASKS = {"query": QUERY, "update": UPDATE, "signal": SIGNAL}


def _asked(source: Source, ref: RunRef, handler: Handler, arguments: str) -> Sequence[Cell]:
    done = _ASKS[handler.kind].run(source, ref, {"name": handler.name, "input": arguments})
    return done.answer or [cell(done.said, "ok")]


class StackPane(WorkerPane):
    def compose(self) -> ComposeResult:
        yield Notice()
        lines = Lines(id="stack-lines")
        lines.add_class("main")
        yield lines

    def opened(self) -> None:
        self.ask_stack()

    @work(exclusive=True, group="stack")
    async def ask_stack(self) -> None:
        source, ref = self.view.source, self.run_ref
        lines = self.query_one("#stack-lines", Lines)
        if not lines.lines:
            lines.set_lines([cell("asking a worker …", "dim")])
        try:
            answer = await self.view.call(query, source, ref, "__stack_trace")
        except CommandError as error:
            lines.set_lines([])
            self.say(error)
            return
        self.say(None)
        lines.set_lines(_stack_lines(answer))


def _stack_lines(answer: object) -> list[Cell]:
    payloads = getattr(answer, "payloads", [])
    if not payloads:
        return [cell("the worker answered with nothing", "dim")]
    try:
        text = json.loads(payloads[0].data)
    except ValueError:
        return payloads_lines(answer)
    return stack_lines(str(text)) if text else [cell("nothing is on the stack", "dim")]


_THE_QUESTION = "__stack_trace"
_NOT_THE_CODE = re.compile(r'File "[^"]*/(temporalio|asyncio|threading|concurrent)[/.]')


def stack_lines(text: str) -> list[Cell]:
    """One stack after another, that of the question itself last; frames of the SDK and its loop are faded."""
    stacks: list[list[str]] = [[]]
    for line in text.split("\n"):
        if line.startswith("Stack for ") and stacks[-1]:
            stacks.append([])
        stacks[-1].append(line)
    stacks.sort(key=lambda stack: _THE_QUESTION in stack[0])
    return [line for stack in stacks for line in _frames(stack)]


def _frames(stack: list[str]) -> list[Cell]:
    lines: list[Cell] = []
    tone: Tone = ""
    for line in stack:
        if line.startswith("Stack for "):
            tone = "strong"
        elif line.lstrip().startswith("File "):
            tone = "dim" if _NOT_THE_CODE.search(line) else ""
        elif tone == "strong":
            tone = ""
        lines.append(cell(line, tone))
    return lines
