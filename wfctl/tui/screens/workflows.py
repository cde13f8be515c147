"""The list of workflows: live, filtered, sorted, without end."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.suggester import Suggester
from textual.widgets import Footer, Input

from wfctl.errors import CommandError
from wfctl.tui.feeds.actions import START
from wfctl.tui.feeds.lists import PAGE_SIZE, fetch_page
from wfctl.tui.feeds.requests import Field
from wfctl.tui.messages import FeedFailed, ListUpdated, Page
from wfctl.tui.models.cells import STATUS_MARKS, STATUS_TONES, Cell, Column
from wfctl.tui.models.completion import SYSTEM_ATTRIBUTES, complete
from wfctl.tui.models.listing import Listing, RunRow
from wfctl.tui.models.run import RunRef
from wfctl.tui.screens.acting import Acting
from wfctl.tui.screens.base import told, woken
from wfctl.tui.screens.dialogs import Dialog, Menu
from wfctl.tui.widgets.bars import Notice, TabStrip, TopBar
from wfctl.tui.widgets.field import TextField
from wfctl.tui.widgets.grid import Cursored, Grid
from wfctl.view.safe import safe_line

_SAVE = "Save this"


class _Completion(Suggester):
    """Names and values for the filter bar, out of what the list shows."""

    def __init__(self, screen: WorkflowsScreen) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._screen = screen

    async def get_suggestion(self, value: str) -> str | None:
        listing = self._screen.listing
        names = [*SYSTEM_ATTRIBUTES, *sorted({name for row in listing.rows for name in row.extra})]
        return complete(value, names, listing.values())


class WorkflowsScreen(Acting):
    DEFAULT_CSS = """
    WorkflowsScreen #filter { display: none; height: 1; border: none; padding: 0 1; background: $surface; }
    WorkflowsScreen #filter.shown { display: block; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("a", "act", "Actions"),
        Binding("n", "start", "Start"),
        Binding("space", "mark", "Mark"),
        Binding("asterisk", "mark_all", "Mark all", show=False),
        Binding("s", "sort", "Sort"),
        Binding("left,h,left_square_bracket", "status(-1)", "Status before", show=False),
        Binding("right,l,right_square_bracket", "status(1)", "Next status", show=False),
        Binding("z", "tree", "Children under parents", show=False),
        Binding("Z", "fold", "Fold children", show=False),
        Binding("C", "columns", "Columns", show=False),
        Binding("F", "saved_filters", "Saved filters", show=False),
        Binding("y", "copy", "Copy id", show=False),
        Binding("D", "diff", "Diff", show=False),
    ]

    title_text = "Workflows"

    def __init__(self, filter: str = "") -> None:
        super().__init__()
        self.listing = Listing(filter=filter)
        self._token = b""
        self._asked_more = False
        self._wake = asyncio.Event()

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield TabStrip(id="statuses")
        yield TextField(
            placeholder="WorkflowType = 'Order' AND StartTime > '2026-01-01'",
            id="filter",
            suggester=_Completion(self),
        )
        yield Notice(id="notice")
        grid = Grid(self.listing.columns, self._cells, lambda row: row.key, empty=self._empty, id="workflows")
        grid.marked = lambda row: row.key in self.listing.marked
        yield grid
        yield Footer(compact=True, show_command_palette=False)

    def _cells(self, row: RunRow) -> list[Cell]:
        return row.cells(self.console.now(), self.listing.columns)

    @property
    def grid(self) -> Grid:
        return self.query_one("#workflows", Grid)

    @property
    def _empty(self) -> str:
        return "no workflows match" if self.listing.query else "no workflows"

    def on_mount(self) -> None:
        super().on_mount()
        self.grid.focus()
        self._show_columns(self.console.settings.columns)
        if self.listing.filter:
            self.query_one("#filter", Input).value = self.listing.filter
            self.query_one("#filter").add_class("shown")
        self._draw_tabs()
        self.follow()

    # The feed.

    @work(exclusive=True, group="follow")
    async def follow(self) -> None:
        """Look, show, wait; until the screen goes."""
        source = self.source
        while True:
            self._wake.clear()
            if self.is_in_view or not self.listing.rows:
                query = self.listing.query
                try:
                    page = await self.call(
                        lambda query=query: fetch_page(source, query, count_query=self.listing.filter)
                    )
                    if query == self.listing.query:
                        self.post_message(ListUpdated(page))
                except CommandError as error:
                    self.post_message(FeedFailed(error))
                if not source.is_live:
                    await self._wake.wait()
                    continue
            await woken(self._wake, 2 * self.console.idle_seconds)

    @on(ListUpdated)
    def _show(self, message: ListUpdated) -> None:
        self.grid.empty = "no workflows match" if self.listing.query else "no workflows"
        self._take(message.page)
        self.say_answered()
        self.query_one(Notice).say(self.source.warning)

    @on(FeedFailed)
    def _failed(self, message: FeedFailed) -> None:
        self.say_failed(message.error)
        self.grid.empty = ""  # that nothing came does not say that there is nothing
        self.grid.refresh()
        self.query_one(Notice).say(told(message.error), "bad")

    def _take(self, page: Page) -> None:
        listing = self.listing
        if (not page.append and not (len(listing.rows) > PAGE_SIZE)) or page.append:
            self._token = page.token
        listing.take(page.infos, now=self.console.now(), more=bool(page.token), append=page.append)
        if page.counts is not None:
            listing.counts, listing.total = dict(page.counts), page.total
        self._draw_tabs()
        self.grid.set_rows(listing.shown())

    def _draw_tabs(self) -> None:
        strip = self.query_one(TabStrip)
        strip.set_tabs(
            [
                (
                    status,
                    f"{STATUS_MARKS[status]} {label}" if status else label,
                    STATUS_TONES.get(status, "") if status else "",
                )
                for status, label in self.listing.tabs()
            ],
            self.listing.short_tabs(),
        )
        strip.active = self.listing.status

    @on(Cursored.NearEnd)
    def _page_in(self) -> None:
        if self._token and not self._asked_more:
            self._asked_more = True
            self._fetch_more(self._token, self.listing.query)

    @work(group="more")
    async def _fetch_more(self, token: bytes, query: str) -> None:
        source = self.source
        try:
            page = await self.call(lambda: fetch_page(source, query, token=token))
            if query == self.listing.query:
                self._take(page)
        except CommandError as error:
            self.post_message(FeedFailed(error))
        finally:
            self._asked_more = False

    # Keys.

    @on(Cursored.Opened)
    def _open(self) -> None:
        row = self.grid.current
        if row is not None:
            self.console.open_run(RunRef(row.workflow_id, row.run_id))

    @on(Grid.Sorted)
    def _sort(self, message: Grid.Sorted) -> None:
        self.listing.sort_by(message.key, self.console.now())
        self.grid.sort_key, self.grid.descending = self.listing.sort_key, self.listing.descending
        self.grid.set_rows(self.listing.shown())
        if not self.listing.sort_key:
            self.action_look_again()

    @on(TabStrip.Chosen)
    def _choose_status(self, message: TabStrip.Chosen) -> None:
        self._set_status(message.key)

    def _set_status(self, status: str) -> None:
        self.listing.status = status
        self._restart()

    def _restart(self) -> None:
        self.listing.rows = []
        self._token = b""
        self.grid.cursor = 0
        self._draw_tabs()
        self.grid.empty = "looking …"
        self.grid.set_rows([])
        self.grid.empty = self._empty
        self.action_look_again()

    def action_look_again(self) -> None:
        self._wake.set()

    def action_status(self, by: int) -> None:
        self._set_status(self.listing.step_status(by))

    def action_filter(self) -> None:
        field = self.query_one("#filter", Input)
        field.add_class("shown")
        field.focus()

    @on(Input.Submitted, "#filter")
    def _filtered(self, message: Input.Submitted) -> None:
        self.listing.filter = message.value.strip()
        message.input.set_class(bool(self.listing.filter), "shown")
        self.grid.focus()
        self._restart()

    def action_leave(self) -> None:
        field = self.query_one("#filter", Input)
        if field.has_focus or self.listing.filter or self.listing.status:
            changed = bool(self.listing.filter or self.listing.status)
            field.value = self.listing.filter = self.listing.status = ""
            field.remove_class("shown")
            self.grid.focus()
            if changed:
                self._restart()
        elif self.listing.marked:
            self.listing.marked.clear()
            self._show_marked()
        else:
            super().action_leave()

    def action_sort(self) -> None:
        columns: list[Column] = self.listing.columns
        keys = [column.key for column in columns if column.key != "run_id"] or [columns[0].key]
        key = self.listing.sort_key
        following = (
            key
            if key and not self.listing.descending
            else keys[((keys.index(key) if key in keys else -1) + 1) % len(keys)]
            if key
            else keys[0]
        )
        self._sort(Grid.Sorted(self.grid, following))

    def action_tree(self) -> None:
        self.listing.is_tree = not self.listing.is_tree
        self.grid.set_rows(self.listing.shown())

    def action_fold(self) -> None:
        """Hide what stands under the cursor, or show it again; on a child, what stands under its parent."""
        row: RunRow | None = self.grid.current
        if row is None:
            return
        self.listing.is_tree = True
        has_children = any(other.parent == row.workflow_id for other in self.listing.rows)
        self.listing.fold(row.workflow_id if has_children or not row.parent else row.parent)
        self.grid.set_rows(self.listing.shown())

    @work(group="dialog")
    async def action_columns(self) -> None:
        now = ", ".join(column.title for column in self.listing.columns)
        what = (
            "Titles as they stand, search attributes and memo fields, with commas between; nothing for the usual ones."
        )
        values = await self.app.push_screen_wait(Dialog("Columns", what, [Field("names", "Columns", now)], verb="Show"))
        if values is None:
            return
        names = [name.strip() for name in values["names"].split(",") if name.strip()]
        self._show_columns(names)
        self.console.settings.columns = names
        self._keep_settings()

    def _show_columns(self, names: list[str]) -> None:
        self.listing.choose_columns(names)
        self.grid.columns = self.listing.columns
        self.grid.refresh()

    @work(group="dialog")
    async def action_saved_filters(self) -> None:
        """Choose one; or give the one in use a name."""
        saved = self.console.settings.filters
        options = [("", name, query) for name, query in sorted(saved.items())]
        if self.listing.filter:
            options.append(("+", _SAVE, self.listing.filter))
        if not options:
            self.notify("no filters are saved; press / to write one, then F to save it")
            return
        chosen = await self.app.push_screen_wait(Menu("Saved filters", options))
        if chosen == _SAVE:
            dialog = Dialog("Save filter", self.listing.filter, [Field("name", "Name", needed=True)], verb="Save")
            values = await self.app.push_screen_wait(dialog)
            if values is not None:
                saved[values["name"].strip()] = self.listing.filter
                self._keep_settings()
        elif chosen is not None:
            self.use_filter(saved[chosen])

    def use_filter(self, query: str) -> None:
        field = self.query_one("#filter", Input)
        field.value = self.listing.filter = query
        field.set_class(bool(query), "shown")
        self._restart()

    def _keep_settings(self) -> None:
        if not self.console.settings.save():
            self.notify("it holds for now, but cannot be written to disk", severity="warning")

    def action_mark(self) -> None:
        if self.grid.current is not None:
            self.listing.toggle_mark(self.grid.current.key)
            self.grid.cursor += 1
            self._show_marked()

    def _show_marked(self) -> None:
        self.query_one(TopBar).marked = self.listing.marked_words()
        self.grid.refresh()

    def action_mark_all(self) -> None:
        keys = {row.key for row in self.listing.rows}
        self.listing.marked = set() if keys <= self.listing.marked else keys
        self._show_marked()

    def action_copy(self) -> None:
        if self.grid.current is not None:
            self.app.copy_to_clipboard(self.grid.current.workflow_id)
            self.notify(safe_line(f"copied {self.grid.current.workflow_id}"), markup=False)

    @work(group="diff")
    async def action_diff(self) -> None:
        """Of two marked runs, or of the one under the cursor with what one says."""
        refs = [ref for ref, _ in self.selected_runs()]
        if len(refs) == 2:
            self.console.open_diff(refs[0], refs[1])
        elif refs:
            await self.ask_diff(refs[0])

    # Actions.

    def selected_runs(self) -> list[tuple[RunRef, bool]]:
        rows = self.listing.marked_rows() or ([self.grid.current] if self.grid.current is not None else [])
        return [(RunRef(row.workflow_id, row.run_id), row.status in ("Running", "Paused")) for row in rows]

    def acted(self) -> None:
        self.listing.marked.clear()
        self._show_marked()
        super().acted()

    @work(group="action")
    async def action_start(self) -> None:
        await self.perform(START, [self.source.namespace], self.source.namespace)
