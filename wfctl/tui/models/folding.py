"""JSON that can be folded: which lines open something, where that ends, and what is left to see when it is closed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from wfctl.tui.models.cells import Cell, Part

Folds = Mapping[int, int]
"""The line that opens an object or a list, and the line that closes it."""


def folds_of(lines: Sequence[Cell]) -> dict[int, int]:
    """By the indent, which our own JSON has; text of others that only looks like it opens nothing that closes."""
    found: dict[int, int] = {}
    opened: list[tuple[int, int]] = []
    for index, line in enumerate(lines):
        if not line:
            continue
        last = line[-1].text.rstrip()
        first = next((part.text for part in line if part.text.strip()), "")
        if not first:
            continue
        if first.lstrip()[:1] in "}]" and opened:
            indent = _indent(line)
            while opened and opened[-1][1] > indent:
                opened.pop()
            if opened and opened[-1][1] == indent:
                found[opened.pop()[0]] = index
        if last.endswith(("{", "[")):
            opened.append((index, _indent(line)))
    return found


def _indent(line: Cell) -> int:
    width = 0
    for part in line:
        body = part.text.lstrip(" ")
        width += len(part.text) - len(body)
        if body:
            break
    return width


def visible(lines: Sequence[Cell], folds: Folds, folded: Collection[int]) -> list[tuple[int, Cell]]:
    """What is to be seen, each with the number of its line."""
    found: list[tuple[int, Cell]] = []
    at = 0
    while at < len(lines):
        if at in folded and at in folds:
            end = folds[at]
            closing = "".join(part.text for part in lines[end]).strip()
            found.append((at, (*lines[at], Part(f" {end - at - 1} lines ", "accent"), Part(closing, "dim"))))
            at = end + 1
        else:
            found.append((at, lines[at]))
            at += 1
    return found


def holder(folds: Folds, index: int) -> int | None:
    """The innermost thing that this line is in; itself if it opens one."""
    if index in folds:
        return index
    around = [start for start, end in folds.items() if start < index <= end]
    return max(around, default=None)


def around(folds: Folds, index: int) -> list[int]:
    """Everything that must be open for this line to be seen."""
    return [start for start, end in folds.items() if start < index <= end]
