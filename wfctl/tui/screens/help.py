"""The keys of a screen, on top of it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen, Screen

from wfctl.tui.models.cells import Cell, Part
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


class HelpScreen(ModalScreen[None]):
    DEFAULT_CSS = """
    HelpScreen { align: center middle; background: $background 60%; }
    HelpScreen > Vertical { width: 64; max-width: 96%; height: 80%; max-height: 40; background: $surface; border: round $primary; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark", "dismiss", "Close")]

    def __init__(self, about: Screen[None]) -> None:
        super().__init__()
        self._about = about

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "Keys"
            yield Lines()

    def on_mount(self) -> None:
        lines = self.query_one(Lines)
        lines.set_lines(self._lines())
        lines.focus()

    def _lines(self) -> list[Cell]:
        found: dict[str, list[str]] = {}
        for _, (_, binding, _, _) in sorted(self._about.active_bindings.items()):
            if binding.description and not binding.key.startswith("super+") and binding.description not in _NOT_OURS:
                found.setdefault(binding.description, []).append(_NAMES.get(binding.key, binding.key))
        width = max((len(" ".join(keys)) for keys in found.values()), default=0)
        return [
            (Part(f"{' '.join(keys):<{width}}  ", "live"), Part(description)) for description, keys in found.items()
        ]
