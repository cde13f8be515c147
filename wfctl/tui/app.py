"""The app: a source, a theme, and the screens over it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar

from textual import work
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.events import AppBlur
from textual.screen import Screen
from textual.theme import Theme

from wfctl.errors import CommandError
from wfctl.tui.feeds.diffs import ReadFile
from wfctl.tui.feeds.nouns import RESOURCES
from wfctl.tui.feeds.settings import Settings
from wfctl.tui.feeds.source import Source, verify
from wfctl.tui.models.cells import Cell
from wfctl.tui.models.run import RunRef
from wfctl.tui.models.verdict import Replay
from wfctl.tui.screens.answers import AnswerScreen
from wfctl.tui.screens.base import Console, View
from wfctl.tui.screens.comparison import ComparisonScreen
from wfctl.tui.screens.nouns import NOUNS
from wfctl.tui.screens.resources import ResourceScreen
from wfctl.tui.screens.workflow import WorkflowScreen
from wfctl.tui.screens.workflows import WorkflowsScreen
from wfctl.tui.widgets.palette import DARK, LIGHT, Palette
from wfctl.view.safe import safe_line


class WfctlApp(Console):
    """`wfctl tui`."""

    TITLE = "wfctl"
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"
    CSS = """
    * { scrollbar-color: $foreground 25%; scrollbar-color-hover: $primary 60%; scrollbar-color-active: $primary;
        scrollbar-background: $background; scrollbar-background-hover: $background; scrollbar-background-active: $background; }
    View { background: $background; color: $foreground; }
    Footer { background: $surface; }
    Footer FooterKey.-compact .footer-key--description { padding: 0 1 0 1; }
    Toast { background: $panel; padding: 0 1; }
    CommandPalette > Vertical { width: 76; max-width: 96%; margin-top: 2; background: $surface; }
    CommandPalette #--input, CommandPalette #--input.--list-visible { border: round $primary; background: $surface; }
    CommandPalette CommandInput, CommandPalette CommandInput:focus { border: none; height: 1; padding: 0 1;
        background: $surface; }
    CommandPalette #--input SearchIcon { display: none; }
    CommandPalette CommandList { background: $surface; }
    CommandPalette CommandList > .option-list--option-highlighted { background: $primary 7%; }
    Input > .input--placeholder, Input > .input--suggestion { color: $foreground 70%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c,ctrl+q", "quit", "Quit", show=False, priority=True),
        Binding("ctrl+t", "toggle_theme", "Dark or light", show=False),
    ]

    def __init__(
        self,
        source: Source,
        *,
        filter: str = "",
        theme: str = "",
        idle_seconds: float = 1.0,
        read_file: ReadFile | None = None,
        replay: Replay | None = None,
        settings: Settings | None = None,
        profiles: Mapping[str, Callable[[], Source]] | None = None,
    ) -> None:
        super().__init__()
        self.replay = replay
        self.settings = settings or Settings()
        self._profiles = profiles or {}
        self._read_file = read_file
        self.source = source
        self.idle_seconds = idle_seconds
        self.palette = Palette(DARK)
        self._filter = filter
        self._wanted_theme = theme

    def on_mount(self) -> None:
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme_changed_signal.subscribe(self, self._take_theme)
        wanted = self._wanted_theme or self.settings.theme
        self.theme = wanted if wanted in self.available_themes else default_theme()
        self.palette = Palette(self.current_theme)
        self.push_screen(WorkflowsScreen(self._filter))

    def _take_theme(self, theme: Theme) -> None:
        self.palette = Palette(theme)
        if theme.name not in (self.settings.theme, default_theme()):
            self.settings.theme = theme.name
            self.settings.save()
        for screen in self.screen_stack:
            for widget in screen.query("*"):
                widget.refresh()

    def on_app_blur(self, event: AppBlur) -> None:
        """Another window has the keys. What one was at stays to be seen, and a page in a browser begins like this."""
        event.prevent_default()

    def on_unmount(self) -> None:
        self.source.close()

    def action_toggle_theme(self) -> None:
        self.theme = LIGHT.name if self.current_theme.dark else DARK.name

    def goto(self, noun: str) -> None:
        """`:schedules`, `:order-1`: a noun's screen, or else the workflow of that id."""
        wanted = NOUNS.get(noun, noun)
        while len(self.screen_stack) > 2:
            self.pop_screen()
        if wanted in RESOURCES:
            self.push_screen(ResourceScreen(RESOURCES[wanted]))
        elif wanted != "workflows":
            self.open_run(RunRef(noun))

    def switch(self, source: Source) -> None:
        """Screens of the old source go, and with them whatever answers they still wait for."""
        old, self.source = self.source, source
        while len(self.screen_stack) > 1:
            self.pop_screen()
        self.push_screen(WorkflowsScreen())
        if old is not source and old.is_live:
            old.close()

    @work(exclusive=True, group="switch")
    async def switch_profile(self, name: str) -> None:
        """The server of another profile answers before this one is left."""
        try:
            other = await asyncio.to_thread(_verified, self._profiles[name])
        except CommandError as error:
            self.notify(f"profile {name}: {safe_line(error.message)}", severity="error", timeout=10, markup=False)
            return
        self.switch(other)

    def open_run(self, ref: RunRef) -> None:
        self.push_screen(WorkflowScreen(ref))

    def open_list(self, query: str) -> None:
        self.goto("workflows")
        screen = self.screen
        if isinstance(screen, WorkflowsScreen):
            screen.use_filter(query)

    def show_answer(self, lines: Sequence[Cell]) -> None:
        self.push_screen(AnswerScreen(lines))

    def open_diff(self, ref: RunRef, other: str | RunRef) -> None:
        self.push_screen(ComparisonScreen(ref, other, self._read_file))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        for noun, resource in RESOURCES.items():
            yield SystemCommand(resource.title, f":{noun}", lambda noun=noun: self.goto(noun))
        for name in self._profiles:
            yield SystemCommand(f"Profile {name}", "Another server", lambda name=name: self.switch_profile(name))
        yield SystemCommand("Workflows", ":workflows", lambda: self.goto("workflows"))
        yield SystemCommand("Keys", "What the keys of this screen do", lambda: self._help(screen))
        yield SystemCommand("Theme", "Choose the colours", self.action_change_theme)
        yield SystemCommand("Dark or light", "Turn the colours round", self.action_toggle_theme)
        yield SystemCommand("Quit", "Leave wfctl", self.action_quit)

    def _help(self, screen: Screen[object]) -> None:
        if isinstance(screen, View):
            screen.action_help()


def _verified(connect: Callable[[], Source]) -> Source:
    """Raises CommandError, and closes what it has opened."""
    source = connect()
    try:
        verify(source)
    except CommandError:
        source.close()
        raise
    return source


def default_theme() -> str:
    """Dark, unless the terminal says that its background is light."""
    background = os.environ.get("COLORFGBG", "").rpartition(";")[2]
    return LIGHT.name if background in ("7", "15") else DARK.name
