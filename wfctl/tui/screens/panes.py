"""The tabs of a run that need only what the feed brought."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, cast

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget
from textual.widgets import Input

from wfctl.tui.feeds.activities import ACTIVITY_ACTIONS, ActivityRef
from wfctl.tui.models.cells import Cell, Part, cell
from wfctl.tui.models.events import (
    EVENT_COLUMNS,
    GROUP_COLUMNS,
    EventItem,
    Group,
    event_cells,
    group_cells,
    parse_filter,
)
from wfctl.tui.models.relations import RELATION_COLUMNS, Relation, relations
from wfctl.tui.models.run import PENDING_COLUMNS, RunModel, RunRef
from wfctl.tui.models.values import failure_lines, heading, message_lines, payload_lines, payloads_lines
from wfctl.tui.screens.base import Console
from wfctl.tui.widgets.bars import Notice
from wfctl.tui.widgets.field import TextField
from wfctl.tui.widgets.gantt import Gantt
from wfctl.tui.widgets.grid import Cursored, Grid
from wfctl.tui.widgets.lines import Lines
from wfctl.view.enums import event_type

_WIDE = 116


class Pane(Container):
    """One tab's content."""

    DEFAULT_CSS = """
    Pane { height: 1fr; layout: vertical; }
    Pane .main { height: 1fr; width: 1fr; }
    Pane .detail { display: none; height: 45%; border-top: solid $foreground 20%; }
    Pane.detailed .detail { display: block; }
    Pane.wide { layout: horizontal; }
    Pane.wide .detail { height: 1fr; width: 42%; border-top: none; border-left: solid $foreground 20%; }
    """

    def __init__(self, model: RunModel, *, id: str) -> None:
        super().__init__(id=id)
        self.model = model

    def show(self) -> None:
        """The model has changed."""

    def opened(self) -> None:
        """The tab was chosen, or is to look again."""

    def event_id(self) -> int | None:
        """The event under the cursor, if there is one."""
        return None

    def focus_inside(self) -> None:
        target = next((widget for widget in self.query(Widget) if widget.focusable and widget.display), None)
        if target is not None:
            target.focus()

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width >= _WIDE and self.goes_wide, "wide")

    goes_wide = False


class DetailedPane(Pane):
    """Rows, and beside or below them all that is known of the one under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("v", "text", "Into the text", show=False)]

    def rows(self) -> Cursored:
        """The widget of the rows; each pane has its own."""
        return Cursored()

    def detail_lines(self) -> list[Cell]:
        """All that is known of the row under the cursor."""
        return []

    def compose(self) -> ComposeResult:
        rows = self.rows()
        rows.add_class("main")
        yield rows
        yield Lines(classes="detail")

    def show(self) -> None:
        if self.has_class("detailed"):
            self.detail()

    def detail(self) -> None:
        lines = self.detail_lines()
        self.query_one(".detail", Lines).set_lines(lines or [cell("no more is known of it", "dim")])

    def focus_inside(self) -> None:
        self.query_one(".main").focus()

    @on(Cursored.Opened)
    def _opened(self) -> None:
        self.toggle_class("detailed")
        self.detail()

    @on(Cursored.Highlighted)
    def _moved(self) -> None:
        if self.has_class("detailed"):
            self.detail()

    def action_text(self) -> None:
        """To the text, which scrolls, folds and finds; escape leads back."""
        if not self.has_class("detailed"):
            self.add_class("detailed")
            self.detail()
        self.query_one(".detail", Lines).focus()

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape" and self.query_one(".detail").has_focus:
            event.stop()
            event.prevent_default()
            self.focus_inside()


class TextPane(Pane):
    """A text and nothing else."""

    def compose(self) -> ComposeResult:
        yield Lines(id=f"{self.id}-lines", classes="main")

    def text(self) -> list[Cell]:
        return []

    def show(self) -> None:
        self.query_one(Lines).set_lines(self.text())


def event_lines(item: EventItem) -> list[Cell]:
    """Everything about one event."""
    event = item.event
    lines = [
        (Part(f"{item.row.event_id}  ", "dim"), Part(item.row.type, "strong"), Part(f"  {item.row.subject}", "accent")),
        cell(f"{item.row.moment:%Y-%m-%d %H:%M:%S.%f} UTC", "dim"),
    ]
    if item.row.failure is not None:
        lines += [cell(""), *failure_lines(item.row.failure)]
    which = event.WhichOneof("attributes")
    if which is None:
        return [
            *lines,
            cell(""),
            cell(f"an event of type {event_type(event.event_type)} that wfctl does not know", "warn"),
        ]
    return [*lines, cell(""), *message_lines(getattr(event, which))]


class TimelinePane(DetailedPane):
    def rows(self) -> Cursored:
        return Gantt(id="gantt")

    def show(self) -> None:
        self.query_one(Gantt).show(self.model.spans.spans, self.model.began, self.model.until())
        super().show()

    def event_id(self) -> int | None:
        span = self.query_one(Gantt).current
        return span.last_event_id if span else None

    def detail_lines(self) -> list[Cell]:
        span = self.query_one(Gantt).current
        if span is None:
            return []
        lines: list[Cell] = []
        if span.note and span.is_open:
            lines += [(Part("last failure  ", "dim"), Part(span.note, "bad")), cell("")]
        for item in self.model.events.items[span.first_event_id - 1 : span.last_event_id]:
            if item.group == span.first_event_id or item.row.event_id == span.first_event_id:
                lines += [*event_lines(item), cell("")]
        return lines


class EventsPane(DetailedPane):
    DEFAULT_CSS = """
    EventsPane #event-filter { display: none; height: 1; border: none; padding: 0 1; background: $surface; dock: top; }
    EventsPane #event-filter.shown { display: block; }
    EventsPane Notice { dock: top; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("c", "compact", "Groups/raw"),
        Binding("f", "next_failure", "Next failure", show=False),
        Binding("y", "copy", "Copy", show=False),
    ]

    goes_wide = True

    def __init__(self, model: RunModel, *, id: str) -> None:
        super().__init__(model, id=id)
        self.is_compact = True

    def rows(self) -> Cursored:
        return Grid(GROUP_COLUMNS, self._group_cells, _group_key, empty="no events match", id="event-grid")

    def compose(self) -> ComposeResult:
        yield TextField(placeholder="kind:activity failed !heartbeat payload:order-7 id:12", id="event-filter")
        yield Notice(id="filter-notice")
        yield from super().compose()

    @property
    def grid(self) -> Grid:
        return self.query_one("#event-grid", Grid)

    def on_resize(self, event: events.Resize) -> None:
        """Where there is room, the details are there from the start; where it goes, they go with it."""
        was_wide = self.has_class("wide")
        super().on_resize(event)
        if self.has_class("wide") != was_wide:
            self.set_class(not was_wide, "detailed")
        if self.has_class("detailed"):
            self.detail()

    def show(self) -> None:
        events = self.model.events
        self.grid.set_rows(events.groups if self.is_compact else events.shown)
        super().show()

    def _group_cells(self, group: Group) -> list[Cell]:
        return group_cells(group, self.model.began)

    def _event_cells(self, item: EventItem) -> list[Cell]:
        return event_cells(item, self.model.began)

    def event_id(self) -> int | None:
        current = self.grid.current
        if isinstance(current, Group):
            return current.last.row.event_id
        return current.row.event_id if current is not None else None

    def detail_lines(self) -> list[Cell]:
        current = self.grid.current
        items: Sequence[EventItem] = current.items if isinstance(current, Group) else [current] if current else []
        lines: list[Cell] = []
        for item in items[:50]:
            lines += [*event_lines(item), cell("")]
        if len(items) > 50:
            lines.append(cell(f"… and {len(items) - 50} events more; press c for all", "dim"))
        return lines

    def action_compact(self) -> None:
        """Between groups and events, staying where one was."""
        at = self.event_id()
        self.is_compact = not self.is_compact
        grid = self.grid
        grid.columns = list(GROUP_COLUMNS if self.is_compact else EVENT_COLUMNS)
        grid.cells_of = self._group_cells if self.is_compact else self._event_cells
        grid.key_of = _group_key if self.is_compact else _event_key
        grid._cursor_key = None
        self.show()
        if at is not None:
            rows: Sequence[Any] = grid.rows
            first = (lambda row: row.first.row.event_id) if self.is_compact else _event_key
            grid.cursor = max((i for i, row in enumerate(rows) if first(row) <= at), default=0)

    def action_filter(self) -> None:
        field = self.query_one("#event-filter", Input)
        field.add_class("shown")
        field.focus()

    @on(Input.Submitted, "#event-filter")
    def _filtered(self, message: Input.Submitted) -> None:
        notice = self.query_one("#filter-notice", Notice)
        try:
            chosen = parse_filter(message.value)
        except ValueError as error:
            notice.say(str(error), "bad")
            return
        notice.say("")
        message.input.set_class(bool(message.value.strip()), "shown")
        self.model.events.set_filter(chosen)
        self.show()
        self.grid.focus()

    def on_key(self, event: events.Key) -> None:
        super().on_key(event)
        field = self.query_one("#event-filter", Input)
        if event.key == "escape" and (field.has_focus or field.value):
            event.stop()
            event.prevent_default()
            field.value = ""
            field.remove_class("shown")
            self.query_one("#filter-notice", Notice).say("")
            self.model.events.set_filter(parse_filter(""))
            self.show()
            self.grid.focus()

    def action_next_failure(self) -> None:
        rows, start = self.grid.rows, self.grid.cursor
        for step in range(1, len(rows) + 1):
            index = (start + step) % len(rows)
            row = rows[index]
            failure = row.failure if isinstance(row, Group) else row.row.failure
            if failure is not None:
                self.grid.cursor = index
                return
        self.notify("no event with a failure here")

    def action_copy(self) -> None:
        self.query_one(".detail", Lines).action_copy()


def _group_key(group: Group) -> int:
    return group.first.row.event_id


def _event_key(item: EventItem) -> int:
    return item.row.event_id


class ValuesPane(TextPane):
    """Input, and what came out."""

    def text(self) -> list[Cell]:
        what, value = self.model.outcome()
        lines = [heading("Input"), *payloads_lines(self.model.input_payloads(), 2), cell("")]
        if what == "result":
            return [*lines, heading("Result"), *payloads_lines(value, 2)]
        if what == "failure":
            return [*lines, heading("Failure"), *failure_lines(value, indent=2)]
        return [*lines, heading("Result"), cell(f"  {what}", "dim")]


class PendingPane(DetailedPane):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("m", "activity", "Activity …")]

    def rows(self) -> Cursored:
        return Grid(PENDING_COLUMNS, lambda row: row, empty="nothing is pending", id="pending-grid")

    def show(self) -> None:
        self.query_one(Grid).set_rows(self.model.pending())
        super().show()

    def current_activity(self) -> Any:
        """The pending activity under the cursor; the rows begin with a workflow task, if there is one."""
        description = self.model.description
        index = self.query_one(Grid).cursor - (1 if description.HasField("pending_workflow_task") else 0)
        activities = description.pending_activities
        return activities[index] if 0 <= index < len(activities) else None

    def detail_lines(self) -> list[Cell]:
        activity = self.current_activity()
        if activity is None:
            return []
        lines: list[Cell] = []
        if activity.HasField("last_failure"):
            lines += [heading("Last failure"), *failure_lines(activity.last_failure, indent=2), cell("")]
        if activity.HasField("heartbeat_details"):
            lines += [heading("Last heartbeat"), *payloads_lines(activity.heartbeat_details, 2), cell("")]
        return [*lines, *message_lines(activity)]

    def action_activity(self) -> None:
        from wfctl.tui.screens.acting import Acting

        activity = self.current_activity() if self.model.description is not None else None
        if activity is None:
            self.notify("no activity is selected")
            return
        run = RunRef(self.model.info.execution.workflow_id, self.model.run_id)
        name = f"{activity.activity_type.name} (id {activity.activity_id})"
        target = ActivityRef(run, activity.activity_id, activity.activity_type.name)
        screen = cast(Acting, self.screen)
        screen.act_on(ACTIVITY_ACTIONS, target, name, f" It is of {run.workflow_id} (run {run.run_id}).")


class RelationsPane(Pane):
    def compose(self) -> ComposeResult:
        grid = Grid(RELATION_COLUMNS, lambda row: row.cells(), empty="it stands alone", id="relations-grid")
        grid.add_class("main")
        yield grid

    def show(self) -> None:
        self.query_one(Grid).set_rows(relations(self.model))

    @on(Cursored.Opened)
    def _opened(self) -> None:
        relation: Relation | None = self.query_one(Grid).current
        if relation is None or relation.ref is None or relation.what == "this run":
            return
        cast(Console, self.app).open_run(relation.ref)


class MetadataPane(TextPane):
    """Search attributes, memo, user metadata, versioning: everything that the server tells beside."""

    def text(self) -> list[Cell]:
        description = self.model.description
        info = self.model.info
        lines: list[Cell] = []
        metadata = description.execution_config.user_metadata
        for title, payload in (("Summary", metadata.summary), ("Details", metadata.details)):
            if payload.data:
                lines += [heading(title), *payload_lines(payload, 2), cell("")]
        for title, fields in (("Search attributes", info.search_attributes.indexed_fields), ("Memo", info.memo.fields)):
            if fields:
                lines.append(heading(title))
                for name in sorted(fields):
                    first, *rest = payload_lines(fields[name])
                    lines.append((Part(f"  {name}  ", "accent"), *first))
                    lines += [(Part("    "), *line) for line in rest]
                lines.append(cell(""))
        return [*lines, heading("Description"), *message_lines(description, 2)]
