"""The keys of a screen, on top of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen, Screen

from wfctl.tui.models.cells import Cell, Part, cell
from wfctl.tui.models.values import heading
from wfctl.tui.widgets.lines import Lines

_NAMES = {
    "question_mark": "?",
    "colon": ":",
    "slash": "/",
    "plus": "+",
    "equals_sign": "=",
    "minus": "-",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "enter": "⏎",
    "asterisk": "*",
    "escape": "esc",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "tab": "⇥",
    "shift+tab": "⇧⇥",
}


_NOT_OURS = frozenset({"Focus Next", "Focus Previous"})
_WORDS = {"palette": "All commands"}
_MOVES = frozenset(
    {"move", "page", "first", "last", "scroll_up", "scroll_down", "page_up", "page_down", "scroll_home", "scroll_end"}
)
_TWO_COLUMNS = 110
_COLUMN = 44


class HelpScreen(ModalScreen[None]):
    """What this screen's keys do first, in the order in which it has them; then those that are the same everywhere."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; background: $background 60%; }
    HelpScreen > Vertical { width: 52; max-width: 96%; height: auto; max-height: 90%; background: $surface; border: round $primary; }
    HelpScreen.wide > Vertical { width: 96; }
    HelpScreen Lines { height: auto; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark", "dismiss", "Close")]

    def __init__(self, about: Screen[None], general: frozenset[str]) -> None:
        """`general` are the actions that every screen has."""
        super().__init__()
        self._about = about
        self._parts = _sections(about, general)

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "Keys"
            yield Lines(ground="surface")

    def on_mount(self) -> None:
        self.query_one(Lines).focus()

    def on_resize(self, event: events.Resize) -> None:
        is_wide = event.size.width >= _TWO_COLUMNS
        self.set_class(is_wide, "wide")
        here, moving, everywhere = self._parts
        beside = _in_lines([moving, everywhere])
        lines = _beside(_in_lines([here]), beside) if is_wide else _in_lines(self._parts)
        self.query_one(Lines).set_lines(lines)


Section = tuple[str, dict[str, list[str]]]
"""A title, and for each thing that can be done its keys."""


def _sections(about: Screen[None], general: frozenset[str]) -> list[Section]:
    here, moving, everywhere = dict[str, list[str]](), dict[str, list[str]](), dict[str, list[str]]()
    for node, binding, _, _ in about.active_bindings.values():
        if not binding.description or binding.key.startswith("super+") or binding.description in _NOT_OURS:
            continue
        if binding.action.partition("(")[0] in _MOVES:
            found = moving
        else:
            found = everywhere if isinstance(node, App) or binding.action in general else here
        found.setdefault(_WORDS.get(binding.description, binding.description), []).append(
            _NAMES.get(binding.key, binding.key)
        )
    return [(getattr(about, "title_text", "") or "Here", here), ("Moving", moving), ("Everywhere", everywhere)]


def _in_lines(sections: Sequence[Section]) -> list[Cell]:
    width = max((len(" ".join(keys)) for _, found in sections for keys in found.values()), default=0)
    lines: list[Cell] = []
    for title, found in sections:
        if found:
            lines += [*([cell("")] if lines else []), heading(title)]
            lines += [(Part(f"  {' '.join(keys):<{width}}  ", "live"), Part(what)) for what, keys in found.items()]
    return lines


def _beside(left: Sequence[Cell], right: Sequence[Cell]) -> list[Cell]:
    lines: list[Cell] = []
    for one, other in zip_longest(left, right, fillvalue=cell("")):
        used = sum(cell_len(part.text) for part in one)
        lines.append((*one, Part(" " * max(_COLUMN - used, 2)), *other))
    return lines
