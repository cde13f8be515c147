"""What every screen has: the top bar, a footer, a source, and a way to call it without holding up the keys."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, TypeVar, cast

from textual import on
from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen

from wfctl.errors import CommandError, ServerUnreachable
from wfctl.tui.feeds.settings import Settings
from wfctl.tui.feeds.source import Source
from wfctl.tui.models.cells import Cell
from wfctl.tui.models.run import RunRef
from wfctl.tui.models.verdict import Replay
from wfctl.tui.widgets.bars import TopBar
from wfctl.tui.widgets.lines import Lines
from wfctl.tui.widgets.palette import Palette

Result = TypeVar("Result")


def told(error: CommandError) -> str:
    """In one sentence. That a server lacks something, its own words say already."""
    lacks = getattr(error, "code", "") == "UNIMPLEMENTED"
    return f"{error.message} — {error.hint}" if error.hint and not lacks else error.message


async def woken(wake: asyncio.Event, seconds: float) -> None:
    """Until somebody wakes a feed, or it is time for another look. Not with `wait_for`: that may swallow a cancellation."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await wake.wait()


class Console(App[None]):
    """What screens know of the app."""

    palette: Palette
    source: Source
    idle_seconds: float = 1.0
    replay: Replay | None = None
    replay_target: str = ""
    settings: Settings

    def now(self) -> datetime:
        """The clock's time, or that of what was recorded."""
        return self.source.as_of or self.clock()

    def clock(self) -> datetime:
        return datetime.now(UTC)

    def goto(self, noun: str) -> None:
        """Another screen by its noun, as `:noun` does."""

    def switch(self, source: Source) -> None:
        """Leave the source for another, which has answered."""

    def open_run(self, ref: RunRef) -> None:
        """The screen of one run."""

    def open_list(self, query: str) -> None:
        """The list of workflows, filtered."""

    def show_answer(self, lines: Sequence[Cell]) -> None:
        """A screen for what a workflow answered."""

    def open_diff(self, ref: RunRef, other: str | RunRef) -> None:
        """Two runs side by side; `other` is a run, or words for one: a workflow id, a run id, a file, or nothing for the
        run before."""


class View(Screen[None]):
    """A screen of the app: named in the top bar, live or marked as old."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("colon", "noun", "Go to", key_display=":", show=False),
        Binding("ctrl+r,f5", "look_again", "Refresh", show=False),
        Binding("q", "leave", "Back", show=False),
        Binding("escape", "leave", "Back"),
    ]

    title_text = ""

    @property
    def console(self) -> Console:
        return cast(Console, self.app)

    @property
    def source(self) -> Source:
        return self.console.source

    def on_mount(self) -> None:
        bar = self.query_one(TopBar)
        bar.title_text = self.title_text
        self.say_place()

    def say_place(self) -> None:
        place = f"{self.source.namespace} @ {self.source.title}" if self.source.is_live else self.source.title
        bar = self.query_one(TopBar)
        bar.place = place + ("  read-only" if self.source.read_only else "")

    @property
    def is_in_view(self) -> bool:
        """Whether it is the view on top, perhaps under a dialog. Textual's `is_current` is true of what it hides, too."""
        return next((screen for screen in reversed(self.app.screen_stack) if isinstance(screen, View)), None) is self

    async def call(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """In a thread. Raises CommandError and nothing else, for a screen outlives whatever it asks for. When it has been
        left meanwhile, the answer is nobody's any more, and who waits for it is cancelled."""
        try:
            return await asyncio.to_thread(function, *arguments)
        except CommandError:
            raise
        except Exception as error:
            self.log.error(f"{function}: {error!r}")
            raise CommandError(f"an unexpected answer: {type(error).__name__}: {error}") from error
        finally:
            if not self.children:
                raise asyncio.CancelledError

    # Whether what is shown is of now.

    _answered_at: datetime | None = None

    def say_answered(self) -> None:
        self._answered_at = self.console.clock()
        is_of_now = self.source.is_live and self.source.as_of is None
        state = ("● live", "ok") if is_of_now else ("○ recorded", "dim")
        self.query_one(TopBar).state = state  # type: ignore[assignment]

    def say_failed(self, error: CommandError) -> None:
        """Old data stays, and says so."""
        bar = self.query_one(TopBar)
        since = f", as of {self._answered_at.astimezone():%H:%M:%S}" if self._answered_at else ""
        if isinstance(error, ServerUnreachable):
            bar.state = (f"○ reconnecting{since}", "warn")
        else:
            bar.state = (f"○ no answer{since}", "bad")

    def action_leave(self) -> None:
        if len(self.app.screen_stack) > 2:
            self.app.pop_screen()
        else:
            self.app.exit()

    def action_look_again(self) -> None:
        """Screens that poll look at once."""

    def action_noun(self) -> None:
        from wfctl.tui.screens.nouns import noun_bar

        self.app.push_screen(noun_bar(), lambda noun: self.console.goto(noun) if noun else None)

    @on(Lines.SearchAsked)
    def _ask_search(self, message: Lines.SearchAsked) -> None:
        from wfctl.tui.screens.nouns import LineBar

        bar = LineBar("find in this text")
        self.app.push_screen(bar, lambda text: message.lines.search(text) if text is not None else None)

    def action_help(self) -> None:
        from wfctl.tui.screens.help import HelpScreen

        general = frozenset(binding.action for binding in View.BINDINGS if isinstance(binding, Binding))
        self.app.push_screen(HelpScreen(self, general))
