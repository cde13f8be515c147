"""The lines at the edges: where one is, what tabs there are, what a run is, and why it is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from wfctl.tui.models.cells import Cell, Part, Tone, cell
from wfctl.tui.widgets.fit import fitted, wrapped
from wfctl.tui.widgets.lines import palette_of
from wfctl.tui.widgets.palette import segments


class TopBar(Widget):
    """Where: source and namespace, the screen's name, and whether what is shown is of now."""

    DEFAULT_CSS = """
    TopBar { height: 1; dock: top; background: $panel; }
    """

    place: reactive[str] = reactive("")
    title_text: reactive[str] = reactive("")
    marked: reactive[str] = reactive("")
    state: reactive[tuple[str, Tone]] = reactive(("", ""))

    def render_line(self, y: int) -> Strip:
        palette, width = palette_of(self), self.size.width
        words, tone = self.state
        right: Cell = (Part(f" {words} ", tone),) if words else ()
        right_width = min(sum(cell_len(part.text) for part in right), width // 2)
        left: Cell = (
            Part(" wfctl ", "strong"),
            Part(" ", "dim"),
            Part(self.title_text, "live"),
            Part(f"  {self.marked}" if self.marked else "", "accent"),
            Part(f"  {self.place}", "dim"),
        )
        pieces = [
            *fitted(left, width - right_width, "left", palette, palette.panel),
            *fitted(right, right_width, "right", palette, palette.panel),
        ]
        return Strip(pieces).adjust_cell_length(width, palette.style("", palette.panel))


class TabStrip(Widget):
    """Tabs on one line. Where there is no room for them, those that are not chosen are told in short, and what is still
    too much is hinted at by an arrow."""

    DEFAULT_CSS = """
    TabStrip { height: 1; background: $background; }
    """

    class Chosen(Message):
        def __init__(self, strip: TabStrip, key: str) -> None:
            super().__init__()
            self.strip, self.key = strip, key

        @property
        def control(self) -> TabStrip:
            return self.strip

    active: reactive[str] = reactive("")

    def __init__(self, tabs: Sequence[tuple[str, str, Tone]] = (), *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.tabs: Sequence[tuple[str, str, Tone]] = tabs
        self._short: Mapping[str, str] = {}
        self._ends: list[tuple[int, int, str]] = []

    def set_tabs(self, tabs: Sequence[tuple[str, str, Tone]], short: Mapping[str, str] | None = None) -> None:
        """`short` has a short label by key."""
        self.tabs, self._short = tabs, short or {}
        self.refresh()

    def render_line(self, y: int) -> Strip:
        palette, width = palette_of(self), self.size.width
        labels, is_first, is_last = self._labels(width)
        pieces: list[Segment] = []
        self._ends, at = [], 0
        if not is_first:
            pieces.append(Segment("‹", palette.style("live")))
            at = 1
        for key, label, tone in labels:
            is_active = key == self.active
            ground = palette.cursor if is_active else palette.background
            style = palette.style("strong" if is_active and not tone else tone or "dim", ground, bold=is_active)
            text = f" {label} "
            pieces.append(Segment(text, style))
            self._ends.append((at, at + cell_len(text), key))
            at += cell_len(text)
        if is_last:
            return Strip(pieces).adjust_cell_length(width, palette.style(""))
        strip = Strip(pieces).adjust_cell_length(width - 1, palette.style(""))
        return Strip([*strip, Segment("›", palette.style("live"))], width)

    def _labels(self, width: int) -> tuple[list[tuple[str, str, Tone]], bool, bool]:
        """All tabs, or as many around the active one as there is room for; and whether the first and last are among them."""
        labels = list(self.tabs)
        if _length(labels) > width:
            labels = [
                (key, label if key == self.active else self._short.get(key, label), tone) for key, label, tone in labels
            ]
        if _length(labels) <= width:
            return labels, True, True
        first = 0
        active = next((i for i, (key, _, _) in enumerate(labels) if key == self.active), 0)
        while first < active and _length(labels[first : active + 1]) > width - 2:
            first += 1
        last = len(labels)
        while last > active + 1 and _length(labels[first:last]) > width - 2:
            last -= 1
        return labels[first:last], first == 0, last == len(labels)

    def on_click(self, event: events.Click) -> None:
        for left, right, key in self._ends:
            if left <= event.x < right:
                self.post_message(self.Chosen(self, key))


def _length(labels: Sequence[tuple[str, str, Tone]]) -> int:
    return sum(cell_len(label) + 2 for _, label, _ in labels)


class FactsBar(Widget):
    """A run's title and facts: as many lines as they need, but no more than four."""

    DEFAULT_CSS = """
    FactsBar { height: auto; max-height: 4; background: $background; padding: 0 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._title: Cell = cell("…", "dim")
        self._facts: Sequence[tuple[str, str, Tone]] = ()
        self._aside: tuple[str, str, Tone] | None = None

    def show(
        self, title: Cell, facts: Sequence[tuple[str, str, Tone]], aside: tuple[str, str, Tone] | None = None
    ) -> None:
        """`aside` is a fact that stands to the right of the title if there is room, and else behind the others."""
        lines_before = len(self._lines(self.size.width))
        self._title, self._facts, self._aside = title, facts, aside
        self.refresh(layout=len(self._lines(self.size.width)) != lines_before)

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        return len(self._lines(width))

    def _lines(self, width: int) -> list[Cell]:
        lines: list[Cell] = [self._title]
        facts = list(self._facts)
        if self._aside is not None:
            name, value, tone = self._aside
            room = width - sum(cell_len(part.text) for part in self._title) - cell_len(name) - cell_len(value) - 1
            if room >= 2:
                lines = [(*self._title, Part(" " * room), Part(f"{name} ", "dim"), Part(value, tone))]
            else:
                facts.append(self._aside)
        current: list[Part] = []
        used = 0
        for name, value, tone in facts:
            length = cell_len(name) + cell_len(value) + 1
            if current and used + length + 3 > width:
                lines.append(tuple(current))
                current, used = [], 0
            if current:
                current.append(Part("   "))
                used += 3
            current.extend([Part(f"{name} ", "dim"), Part(value, tone)])
            used += length
        if current:
            lines.append(tuple(current))
        return lines[:4]

    def render_line(self, y: int) -> Strip:
        palette, width = palette_of(self), self.size.width
        lines = self._lines(width)
        line = lines[y] if y < len(lines) else ()
        return Strip(fitted(line, width, "left", palette, palette.background))


class WhyBar(Widget):
    """One sentence, always in view: why the workflow is where it is."""

    DEFAULT_CSS = """
    WhyBar { height: auto; max-height: 4; background: $surface; margin: 0 0 0 0; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._line: Cell = ()
        self._tone: Tone = "dim"

    def show(self, line: Cell, tone: Tone) -> None:
        before = len(self._lines(self.size.width))
        self._line, self._tone = line, tone
        self.refresh(layout=len(self._lines(self.size.width)) != before)

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        return len(self._lines(width))

    def _lines(self, width: int) -> list[Cell]:
        return wrapped([self._line], max(width - 4, 1))[:4] or [()]

    def render_line(self, y: int) -> Strip:
        palette, width = palette_of(self), self.size.width
        lines = self._lines(width)
        line = tuple(lines[y]) if y < len(lines) else ()
        # A wrapped line keeps the hanging indent of wrapped text, which is not wanted here.
        text = tuple(part for i, part in enumerate(line) if i or part.text.strip() or y == 0)
        bar = Segment(" ▎ ", palette.style(self._tone, palette.surface))
        return Strip([bar, *segments(text, palette, palette.surface)]).adjust_cell_length(
            width, palette.style("", palette.surface)
        )


class Notice(Widget):
    """A line that is there only while something is to be said in place, such as why a panel is empty."""

    DEFAULT_CSS = """
    Notice { height: auto; display: none; background: $surface; padding: 0 1; }
    Notice.shown { display: block; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._line: Cell = ()

    def say(self, text: str, tone: Tone = "warn") -> None:
        self._line = cell(text, tone)
        self.set_class(bool(text), "shown")
        self.refresh(layout=True)

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        return len(wrapped([self._line], max(width, 1))[:3])

    def render_line(self, y: int) -> Strip:
        palette, width = palette_of(self), self.size.width
        lines = wrapped([self._line], max(width, 1))
        line = lines[y] if y < len(lines) else ()
        return Strip(segments(line, palette, palette.surface)).adjust_cell_length(
            width, palette.style("", palette.surface)
        )
