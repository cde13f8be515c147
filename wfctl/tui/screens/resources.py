"""A screen for each noun beside workflows: a list, what is known of the one under the cursor, and its actions."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widgets import Footer

from wfctl.errors import CommandError
from wfctl.tui.feeds.nouns.namespaces import verify_namespace
from wfctl.tui.feeds.nouns.parts import Item, Resource
from wfctl.tui.models.cells import cell
from wfctl.tui.models.run import RunRef
from wfctl.tui.screens.acting import Acting
from wfctl.tui.screens.base import told, woken
from wfctl.tui.screens.dialogs import Menu
from wfctl.tui.widgets.bars import Notice, TopBar
from wfctl.tui.widgets.grid import Cursored, Grid
from wfctl.tui.widgets.lines import Lines

_WIDE = 110
_LOOK_EVERY = 5


class ResourceScreen(Acting):
    DEFAULT_CSS = """
    ResourceScreen #resource { height: 1fr; layout: vertical; }
    ResourceScreen Grid { height: 1fr; width: 1fr; }
    ResourceScreen Lines { display: none; height: 50%; border-top: solid $foreground 20%; }
    ResourceScreen.detailed Lines { display: block; }
    ResourceScreen.wide #resource { layout: horizontal; }
    ResourceScreen.wide Lines { height: 1fr; width: 44%; border-top: none; border-left: solid $foreground 20%; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "act", "Actions"),
        Binding("d", "details", "Details", show=False),
        Binding("n", "create", "New", show=False),
        Binding("o", "go", "Its workflows", show=False),
    ]

    def __init__(self, resource: Resource) -> None:
        super().__init__()
        self.resource = resource
        self.title_text = resource.title
        self._wake = asyncio.Event()

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield Notice()
        with Container(id="resource"):
            yield Grid(self.resource.columns, lambda item: item.cells, lambda item: item.key, empty="looking …")
            yield Lines()
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(Grid).focus()
        self.follow()

    def on_resize(self, event: events.Resize) -> None:
        """Where there is room, the details are there from the start; where it goes, they go with it."""
        was_wide = self.has_class("wide")
        self.set_class(event.size.width >= _WIDE, "wide")
        if self.has_class("wide") != was_wide:
            self.set_class(not was_wide, "detailed")

    @work(exclusive=True, group="follow")
    async def follow(self) -> None:
        source = self.source
        grid = self.query_one(Grid)
        while True:
            self._wake.clear()
            if self.is_in_view or not grid.rows:
                try:
                    items = await self.call(self.resource.fetch, source)
                except CommandError as error:
                    self._say_refused(error)
                else:
                    self.say_answered()
                    self.query_one(Notice).say(source.warning)
                    grid.empty = self.resource.empty
                    grid.set_rows(items)
                    if self.has_class("detailed"):
                        self.show_detail()
            await woken(self._wake, _LOOK_EVERY * self.console.idle_seconds)

    def _say_refused(self, error: CommandError) -> None:
        grid = self.query_one(Grid)
        grid.empty = ""
        grid.refresh()
        if getattr(error, "code", "") in ("UNIMPLEMENTED", "PERMISSION_DENIED", "UNAUTHENTICATED"):
            self.say_answered()
        else:
            self.say_failed(error)
        self.query_one(Notice).say(told(error), "warn")

    @on(Cursored.Opened)
    def _opened(self) -> None:
        if self.resource.noun == "namespaces":
            self.switch_namespace()
        else:
            self.action_details()

    @on(Cursored.Highlighted)
    def _moved(self) -> None:
        if self.has_class("detailed"):
            self.show_detail()

    def action_details(self) -> None:
        self.toggle_class("detailed")
        self.show_detail()

    def action_look_again(self) -> None:
        self._wake.set()

    @work(exclusive=True, group="detail")
    async def show_detail(self) -> None:
        item: Item | None = self.query_one(Grid).current
        if item is None:
            self.query_one(Lines).set_lines([])
            return
        source = self.source
        try:
            lines = await self.call(self.resource.describe, source, item)
        except CommandError as error:
            lines = [cell(told(error), "bad")]
        self.query_one(Lines).set_lines(lines or [cell("no more is known of it", "dim")])

    @work(exclusive=True, group="switch")
    async def switch_namespace(self) -> None:
        """The new namespace answers before the old one is left."""
        item: Item | None = self.query_one(Grid).current
        if item is None:
            return
        try:
            other = await self.call(verify_namespace, self.source, item.key)
        except CommandError as error:
            self.report("", error)
            return
        self.console.switch(other)

    @work(group="action")
    async def action_act(self) -> None:
        item: Item | None = self.query_one(Grid).current
        if item is None:
            return
        if self.resource.actions:
            await self.choose(self.resource.actions, [item.key], item.key)
        else:
            self.notify("nothing can be done to these here")

    @work(group="action")
    async def action_create(self) -> None:
        if self.resource.create is None:
            self.notify("these cannot be made here")
        else:
            await self.perform(self.resource.create, [self.source.namespace], self.source.namespace)

    @work(exclusive=True, group="go")
    async def action_go(self) -> None:
        """To the runs that this is about; where there are several ways, one is asked for."""
        item: Item | None = self.query_one(Grid).current
        links = self.resource.links(item) if item is not None else []
        if not links:
            self.notify("it leads nowhere")
            return
        names = [(str(number) if number < 10 else "", link.name, link.note) for number, link in enumerate(links, 1)]
        chosen = links[0].name if len(links) == 1 else await self.app.push_screen_wait(Menu("Go to", names))
        link = next((link for link in links if link.name == chosen), None)
        if link is None:
            return
        if isinstance(link.to, RunRef):
            self.console.open_run(link.to)
        else:
            self.console.open_list(link.to)
