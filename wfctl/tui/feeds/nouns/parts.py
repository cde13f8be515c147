"""What the nouns have in common: an item, an action on it, pages, and facts as lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from wfctl.tui.feeds.requests import Action
from wfctl.tui.feeds.source import Source
from wfctl.tui.models.cells import Cell, Column, Part, Tone, cell
from wfctl.tui.models.listing import moment
from wfctl.tui.models.run import RunRef
from wfctl.tui.models.values import heading, message_lines
from wfctl.view.durations import short_duration
from wfctl.view.enums import camel

PAGE_SIZE = 100
_MOST_PAGES = 20
_LEAD = "  "


@dataclass(frozen=True, slots=True)
class Item:
    key: str
    cells: list[Cell]
    detail: Any = None


@dataclass(frozen=True, slots=True)
class Link:
    """Where one can go from an item: to a run, or to the workflows of a query."""

    name: str
    note: str
    to: RunRef | str


@dataclass(frozen=True, slots=True)
class Resource:
    noun: str
    title: str
    columns: Sequence[Column]
    fetch: Callable[[Source], list[Item]]
    describe: Callable[[Source, Item], list[Cell]]
    actions: Sequence[Action[str]] = field(default=())
    empty: str = "none"
    create: Action[str] | None = None
    """Makes a new one; its target is the namespace."""
    links: Callable[[Item], list[Link]] = lambda item: []


def described(source: Source, item: Item) -> list[Cell]:
    """The whole message, for what has nothing better to say."""
    return message_lines(item.detail) if item.detail is not None else []


def quoted(text: str) -> str:
    """As a value of the query language."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def all_pages(ask: Callable[[bytes], Any], items_of: Callable[[Any], Iterable[Any]]) -> list[Any]:
    found: list[Any] = []
    token = b""
    for _ in range(_MOST_PAGES):
        response = ask(token)
        found.extend(items_of(response))
        token = response.next_page_token
        if not token:
            break
    return found


def now() -> datetime:
    return datetime.now(UTC)


def ago(stamp: Any) -> str:
    when = moment(stamp)
    return f"{short_duration(now() - when)} ago" if when else ""


def until(stamp: Any) -> str:
    when = moment(stamp)
    if when is None:
        return ""
    left = when - now()
    return f"in {short_duration(left)}" if left.total_seconds() > 0 else f"{short_duration(-left)} ago"


def clock(stamp: Any) -> str:
    when = moment(stamp)
    return f"{when:%Y-%m-%d %H:%M:%S}" if when else ""


def word(enum: Any, number: int, prefix: str) -> str:
    """An enum's value as a word; empty where it is not set or the server is newer than we are."""
    try:
        name: str = enum.Name(number)
    except ValueError:
        return f"{prefix.lower()}{number}"
    return "" if name.endswith("UNSPECIFIED") else camel(name, prefix)


# Lines.

Fact = tuple[str, str] | tuple[str, str, Tone]


def facts(*rows: Fact) -> list[Cell]:
    """Names and values in two columns; what has no value is left out."""
    told = [row for row in rows if row[1]]
    width = max((len(row[0]) for row in told), default=0)
    return [(Part(f"{_LEAD}{row[0]:<{width}}  ", "dim"), Part(row[1], row[2] if len(row) > 2 else "")) for row in told]


def section(title: str, lines: Sequence[Cell], empty: str = "none", tone: Tone = "dim") -> list[Cell]:
    """A heading with its lines, or with a word for that there are none."""
    return [heading(title), *(lines or [cell(f"{_LEAD}{empty}", tone)]), cell("")]


def bar(done: int, failed: int, total: int, width: int = 32) -> Cell:
    """How far something is."""
    if total <= 0:
        return cell("")
    full, broken = done * width // total, failed * width // total
    return (
        Part(f"{_LEAD}{'━' * full}", "ok"),
        Part("━" * broken, "bad"),
        Part("─" * (width - full - broken), "dim"),
        Part(f"  {done + failed} of {total}"),
    )
