"""What a widget is given to show: words, each with a meaning that the theme turns into a colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Tone = Literal["", "dim", "ok", "bad", "warn", "live", "accent", "strong"]
Align = Literal["left", "right"]


class Part(NamedTuple):
    """Words of one meaning."""

    text: str
    tone: Tone = ""


Cell = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """`width` 0 is as wide as its cells, up to `most`; `weight` shares out what is left."""

    key: str
    title: str
    width: int = 0
    weight: int = 0
    least: int = 4
    most: int = 60
    align: Align = "left"
    priority: int = 0
    """Columns of high priority number go first when there is no room."""


def named(subject: str, tone: Tone = "") -> Cell:
    """A name, with what only tells it from others of that name in the background: `charge`, `(id 2)`."""
    name, bracket, rest = subject.partition(" (")
    return (Part(name, tone), Part(f"{bracket}{rest}", "dim")) if bracket else (Part(name, tone),)


def cell(text: str, tone: Tone = "") -> Cell:
    return (Part(text, tone),)


STATUS_TONES: dict[str, Tone] = {
    "Running": "live",
    "Completed": "ok",
    "Failed": "bad",
    "Canceled": "warn",
    "Terminated": "bad",
    "ContinuedAsNew": "accent",
    "TimedOut": "bad",
    "Paused": "warn",
}
STATUS_MARKS: dict[str, str] = {
    "Running": "●",
    "Completed": "✓",
    "Failed": "✗",
    "Canceled": "⊘",
    "Terminated": "■",
    "ContinuedAsNew": "»",
    "TimedOut": "◔",
    "Paused": "‖",
}


def status_cell(status: str) -> Cell:
    return cell(f"{STATUS_MARKS.get(status, '?')} {status}", STATUS_TONES.get(status, ""))
