"""What feeds tell screens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from textual.message import Message

from wfctl.errors import CommandError
from wfctl.tui.models.run import RunUpdate


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the list."""

    infos: Sequence[Any]
    token: bytes
    counts: Mapping[str, int] | None
    total: int | None
    query: str
    append: bool


class ListUpdated(Message):
    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page


class RunUpdated(Message):
    def __init__(self, update: RunUpdate) -> None:
        super().__init__()
        self.update = update


class FeedFailed(Message):
    """A look that brought nothing; what was there before still stands, but is old."""

    def __init__(self, error: CommandError) -> None:
        super().__init__()
        self.error = error


class FeedAnswered(Message):
    """The source answers, perhaps again."""
