"""Where a command's words go: stdout is data, stderr is narration.

Four formats: `text` for people (headings, cards, tables), `json` (indented; a list is one JSON array), `jsonl`
(one value a line) and `none`. In the JSON formats the text calls are silent and the other way round, so a command
says both and the format chooses.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NoReturn, TextIO

Format = Literal["text", "json", "jsonl", "none"]
ColorChoice = Literal["always", "never", "auto"]
Paint = Literal["red", "green", "yellow", "blue", "magenta", "cyan", "dim", "bold"]

_CODES: dict[Paint, str] = {
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
    "dim": "2",
    "bold": "1",
}
INDENT = "  "


class Output:
    """One command's output; knows the format, the colours and the width of the terminal."""

    def __init__(
        self,
        format: Format = "text",
        color: ColorChoice = "auto",
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
        width: int | None = None,
    ) -> None:
        self.format = format
        self.stdout = stdout if stdout is not None else sys.stdout
        self.stderr = stderr if stderr is not None else sys.stderr
        self._colored = color == "always" or (color == "auto" and _wants_color(self.stdout))
        self._width = width
        self._items_in_list: int | None = None

    @property
    def is_json(self) -> bool:
        return self.format in ("json", "jsonl")

    @property
    def is_text(self) -> bool:
        return self.format == "text"

    @property
    def colored(self) -> bool:
        return self._colored and self.is_text

    @property
    def is_terminal(self) -> bool:
        return self.stdout.isatty()

    @property
    def width(self) -> int | None:
        """The columns to stay within; None when stdout is not a terminal, where nothing is cut."""
        if self._width is not None:
            return self._width
        return shutil.get_terminal_size((80, 24)).columns if self.is_terminal else None

    # Data for programs.

    def value(self, value: Any) -> None:
        """A JSON value; inside `listing()` it is one item."""
        if not self.is_json:
            return
        if self.format == "jsonl":
            self._write(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")
            return
        text = json.dumps(value, ensure_ascii=False, indent=2)
        if self._items_in_list is None:
            self._write(text + "\n")
        else:
            self._write(("[\n" if self._items_in_list == 0 else ",\n") + text)
            self._items_in_list += 1

    def listing(self) -> _Listing:
        """A context in which each `value` is an item of one list."""
        return _Listing(self)

    # Text for people.

    def line(self, text: str = "") -> None:
        if self.is_text:
            self._write(text + "\n")

    def heading(self, text: str) -> None:
        self.line(self.paint(text, "magenta"))

    def card(self, rows: Iterable[tuple[str, str]], indent: int = 1) -> None:
        """Names and values below one another; a value of several lines keeps its place."""
        rows = list(rows)
        name_width = max((display_width(name) for name, _ in rows), default=0)
        for name, value in rows:
            first, *rest = value.split("\n") if value else [""]
            self.line(f"{INDENT * indent}{pad(name, name_width)}{INDENT}{first}".rstrip())
            for more in rest:
                self.line(f"{INDENT * indent}{' ' * name_width}{INDENT}{more}".rstrip())

    def table(
        self,
        headers: Sequence[str],
        rows: Iterable[Sequence[str]],
        *,
        flexible: int | None = None,
        header: bool = True,
        at_least: Sequence[int] = (),
    ) -> list[int]:
        """Columns as wide as their cells; on a terminal the `flexible` column gives way so that lines fit.

        Returns the widths, for a next page to be `at_least` as wide.
        """
        if not self.is_text:
            return []
        cells = [list(row) for row in rows]
        widths = list(at_least) or [display_width(name) for name in headers]
        for row in cells:
            widths = [max(width, display_width(cell)) for width, cell in zip(widths, row, strict=True)]
        if flexible is not None and self.width is not None:
            spare = self.width - sum(widths) - len(INDENT) * len(widths)
            if spare < 0:
                widths[flexible] = max(widths[flexible] + spare, min(widths[flexible], 16))
        if header:
            self.line(self._row([self.paint(name, "magenta") for name in headers], widths))
        for row in cells:
            if flexible is not None:
                row[flexible] = shorten(row[flexible], widths[flexible])
            self.line(self._row(row, widths))
        return widths

    def _row(self, cells: Sequence[str], widths: Sequence[int]) -> str:
        return "".join(INDENT + pad(cell, width) for cell, width in zip(cells, widths, strict=True)).rstrip()

    def paint(self, text: str, paint: Paint | None) -> str:
        if paint is None or not self.colored:
            return text
        return f"\x1b[{_CODES[paint]}m{text}\x1b[0m"

    # Narration.

    def note(self, text: str) -> None:
        """A remark that is not data: goes to stderr in every format."""
        self.stderr.write(text + "\n")
        self.stderr.flush()

    def _write(self, text: str) -> None:
        if self.format == "none":
            return
        try:
            self.stdout.write(text)
        except BrokenPipeError:
            self._leave_quietly()

    def flush(self) -> None:
        try:
            self.stdout.flush()
        except BrokenPipeError:
            self._leave_quietly()

    def _leave_quietly(self) -> NoReturn:
        """The reader of our stdout has gone, as `head` does; there is nobody to tell."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.stdout.fileno())
        raise SystemExit(0)


class _Listing:
    def __init__(self, output: Output) -> None:
        self._output = output

    def __enter__(self) -> None:
        self._output._items_in_list = 0

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        """A failure before the first item leaves stdout empty."""
        items, self._output._items_in_list = self._output._items_in_list, None
        if self._output.format == "json" and (items or failure is None):
            self._output._write("\n]\n" if items else "[\n]\n")


def _wants_color(stream: TextIO) -> bool:
    return stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def display_width(text: str) -> int:
    """Columns on a terminal: colour codes take none, wide characters two."""
    if text.isascii() and "\x1b" not in text:
        return len(text)
    width, escaping = 0, False
    for char in text:
        if escaping:
            escaping = char != "m"
        elif char == "\x1b":
            escaping = True
        elif unicodedata.combining(char):
            continue
        else:
            width += 2 if unicodedata.east_asian_width(char) in "WF" else 1
    return width


def pad(text: str, width: int) -> str:
    return text + " " * (width - display_width(text))


def shorten(text: str, width: int) -> str:
    """Cut from the end with an ellipsis; colour codes are not expected here."""
    if display_width(text) <= width:
        return text
    kept = ""
    for char in text:
        if display_width(kept + char) > width - 1:
            break
        kept += char
    return kept + "…"
