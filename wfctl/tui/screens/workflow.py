"""One run: header, why, and tabs for its timeline, events, values, pending work, relations and handlers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import ContentSwitcher, Footer

from wfctl.errors import CommandError
from wfctl.tui.feeds.export import write_history
from wfctl.tui.feeds.requests import Field
from wfctl.tui.feeds.runs import RunFeed
from wfctl.tui.messages import FeedFailed, RunUpdated
from wfctl.tui.models.cells import Cell, Part, Tone
from wfctl.tui.models.events import EventItem
from wfctl.tui.models.run import RunModel, RunRef, task_ends
from wfctl.tui.screens.acting import Acting
from wfctl.tui.screens.base import told, woken
from wfctl.tui.screens.dialogs import Dialog
from wfctl.tui.screens.panes import (
    EventsPane,
    MetadataPane,
    Pane,
    PendingPane,
    RelationsPane,
    TimelinePane,
    ValuesPane,
)
from wfctl.tui.screens.replay import ReplayScreen
from wfctl.tui.screens.worker_panes import HandlersPane, StackPane
from wfctl.tui.widgets.bars import FactsBar, Notice, TabStrip, TopBar, WhyBar

_TABS: tuple[tuple[str, str], ...] = (
    ("timeline", "Timeline"),
    ("events", "Events"),
    ("values", "Input/Result"),
    ("pending", "Pending"),
    ("relations", "Relations"),
    ("handlers", "Queries"),
    ("stack", "Stack"),
    ("metadata", "Metadata"),
)
_DRAW_EVERY_SECONDS = 0.7
_MOOD_TONES: dict[str, Tone] = {"waiting": "live", "wrong": "bad", "done": "ok"}


class WorkflowScreen(Acting):
    DEFAULT_CSS = """
    WorkflowScreen ContentSwitcher { height: 1fr; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab,right_square_bracket", "step_tab(1)", "Tab", priority=True, key_display="⇥"),
        Binding("shift+tab,left_square_bracket", "step_tab(-1)", "Tab before", priority=True, show=False),
        *(Binding(str(number), f"tab('{key}')", label, show=False) for number, (key, label) in enumerate(_TABS, 1)),
        Binding("a", "act", "Actions"),
        Binding("w", "failures", "Failure"),
        Binding("D", "diff", "Diff", show=False),
        Binding("E", "export", "Export", show=False),
        Binding("R", "replay", "Replay to here", show=False),
    ]

    title_text = "Workflow"

    def __init__(self, ref: RunRef) -> None:
        super().__init__()
        self.model = RunModel(ref)
        self._feed: RunFeed | None = None
        self._wake = asyncio.Event()
        self._drawn_at = 0.0

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield FactsBar(id="facts")
        yield WhyBar(id="why")
        yield TabStrip([(key, label, "") for key, label in _TABS], id="tabs")
        yield Notice(id="notice")
        with ContentSwitcher(initial="timeline"):
            yield TimelinePane(self.model, id="timeline")
            yield EventsPane(self.model, id="events")
            yield ValuesPane(self.model, id="values")
            yield PendingPane(self.model, id="pending")
            yield RelationsPane(self.model, id="relations")
            yield HandlersPane(self.model, id="handlers")
            yield StackPane(self.model, id="stack")
            yield MetadataPane(self.model, id="metadata")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#tabs", TabStrip).active = "timeline"
        self.active_pane.focus_inside()
        self.follow()

    @property
    def active_pane(self) -> Pane:
        return self.query_one(f"#{self.query_one(ContentSwitcher).current}", Pane)

    # The feed.

    @work(exclusive=True, group="follow")
    async def follow(self) -> None:
        source = self.source
        feed = RunFeed(source, self.model.ref)
        self._feed = feed
        while True:
            self._wake.clear()
            if self.is_in_view or feed.is_reading:
                try:
                    self.post_message(RunUpdated(await self.call(feed.look)))
                except CommandError as error:
                    self.post_message(FeedFailed(error))
                else:
                    if feed.is_reading:
                        continue
                    if not source.is_live:
                        return
            seconds = self.console.idle_seconds * (1 if self.model.description is None or self.model.is_open else 5)
            await woken(self._wake, seconds)

    @on(RunUpdated)
    def _show(self, message: RunUpdated) -> None:
        self.model.take(message.update)
        self.say_answered()
        self.query_one("#notice", Notice).say(self.source.warning)
        # A long history comes in many pages; drawing each would leave no time for keys.
        if message.update.is_complete or monotonic() - self._drawn_at >= _DRAW_EVERY_SECONDS:
            self._draw_head()
            self.active_pane.show()
            self._drawn_at = monotonic()

    @on(FeedFailed)
    def _failed(self, message: FeedFailed) -> None:
        self.say_failed(message.error)
        code = getattr(message.error, "code", "")
        gone = code == "NOT_FOUND" and self.model.description is not None
        words = "it is gone: deleted, or past its retention" if gone else told(message.error)
        self.query_one("#notice", Notice).say(words, "bad")

    def _draw_head(self) -> None:
        model = self.model
        facts = model.facts()
        if model.loaded < model.total:
            facts.append(("reading", f"{model.loaded} of {model.total}", "live"))
        self.query_one("#facts", FactsBar).show(model.title(), facts, model.run_fact())
        why = model.why()
        tone = _MOOD_TONES[why.mood]
        line: Cell = (
            Part("Why  ", tone),
            Part(why.sentence, "bad" if why.mood == "wrong" and not model.is_open else ""),
        )
        self.query_one("#why", WhyBar).show(line, tone)
        self.query_one("#tabs", TabStrip).set_tabs([(key, self._label(key, label), "") for key, label in _TABS])

    def _label(self, key: str, label: str) -> str:
        count = len(self.model.pending()) if key == "pending" and self.model.is_open else 0
        return f"{label} {count}" if count else label

    # Tabs.

    @on(TabStrip.Chosen)
    def _chosen(self, message: TabStrip.Chosen) -> None:
        self.action_tab(message.key)

    def action_tab(self, key: str) -> None:
        self.query_one(ContentSwitcher).current = key
        self.query_one("#tabs", TabStrip).active = key
        if self.model.description is not None:
            self.active_pane.show()
        self.active_pane.opened()
        self.active_pane.focus_inside()

    def action_step_tab(self, by: int) -> None:
        keys = [key for key, _ in _TABS]
        current = self.query_one(ContentSwitcher).current or keys[0]
        self.action_tab(keys[(keys.index(current) + by) % len(keys)])

    def action_look_again(self) -> None:
        if self._feed is not None and self.source.warning:
            self._feed.read_again()
        if self.source.is_live:
            self._wake.set()
        self.active_pane.opened()

    def action_failures(self) -> None:
        from wfctl.tui.screens.failures import FailuresScreen

        if self.model.description is None:
            return
        if self.model.failures():
            self.app.push_screen(FailuresScreen(self.model))
        else:
            self.notify("nothing has failed")

    @work(group="diff")
    async def action_diff(self) -> None:
        await self.ask_diff(RunRef(self.model.ref.workflow_id, self.model.run_id))

    @work(group="action")
    async def action_export(self) -> None:
        """The history as a file that this program and every SDK's replayer reads."""
        if self.model.description is None or self.model.loaded < self.model.total:
            self.notify("the history is not read to its end yet")
            return
        name = "".join(char if char.isalnum() or char in "-_." else "-" for char in self.model.ref.workflow_id)
        fields = [
            Field("path", "File", f"{name}.json", needed=True),
            Field("redact", "Payloads: keep, decode or redact", "keep", needed=True),
        ]
        values = await self.app.push_screen_wait(
            Dialog(
                "Export", f"Write {self.model.total} events to a file that does not exist yet.", fields, verb="Write"
            )
        )
        if values is None:
            return
        events = [item.event for item in self.model.events.items]
        try:
            said = await self.call(write_history, values["path"], events, values["redact"].strip())
            self.report(said, None)
        except CommandError as error:
            self.report("", error)

    @work(group="action")
    async def action_replay(self) -> None:
        """Which event code of this machine would break at."""
        replay = self.console.replay
        if self.model.description is None or replay is None:
            return
        if self.model.loaded < self.model.total:
            self.notify("the history is not read to its end yet")
            return
        what = f"Run local workflow code against the {self.model.total} events of {self.model.ref.workflow_id}."
        field = Field("target", "Module or file of the code", self.console.replay_target, needed=True)
        values = await self.app.push_screen_wait(Dialog("Replay to here", what, [field], verb="Replay"))
        if values is not None:
            self.console.replay_target = values["target"].strip()
            self.app.push_screen(ReplayScreen(self.model, self.console.replay_target, replay))

    # Actions.

    def selected_runs(self) -> list[tuple[RunRef, bool]]:
        if self.model.description is None:
            return []
        return [(RunRef(self.model.info.execution.workflow_id, self.model.run_id), self.model.is_open)]

    def reset_event(self) -> int | None:
        """The end of the workflow task at or before the event under the cursor."""
        chosen = self.active_pane.event_id() or self.model.total
        ends = task_ends(self.model.events.items)
        before = [event_id for event_id in ends if event_id <= chosen]
        return before[-1] if before else ends[0] if ends else None

    async def reset_items(self, ref: RunRef) -> Sequence[EventItem]:
        return self.model.events.items
