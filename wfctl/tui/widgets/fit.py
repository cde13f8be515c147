"""Cells fitted to their columns: cut with an ellipsis, padded, aligned; and lines wrapped to a width."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.segment import Segment
from textual.color import Color

from wfctl.tui.models.cells import Align, Cell, Column, Part
from wfctl.tui.widgets.palette import Palette, safe_parts

GAP = 2


def fitted(cell: Cell, width: int, align: Align, palette: Palette, background: Color) -> list[Segment]:
    """Exactly `width` columns."""
    pieces: list[Segment] = []
    used = 0
    parts = safe_parts(cell)
    for number, part in enumerate(parts):
        left = width - used
        length = cell_len(part.text)
        is_cut = length > left or (length == left and any(rest.text for rest in parts[number + 1 :]))
        text = set_cell_size(part.text, max(left - 1, 0)) + "…" if is_cut and left > 0 else part.text
        if left <= 0:
            break
        pieces.append(Segment(text, palette.style(part.tone, background)))
        used += cell_len(text)
    padding = Segment(" " * max(width - used, 0), palette.style("", background))
    return [padding, *pieces] if align == "right" else [*pieces, padding]


def layout(columns: Sequence[Column], width: int) -> list[tuple[int, int]]:
    """Which columns have room, as index and width; those of high priority numbers go first."""
    kept = list(range(len(columns)))
    while len(kept) > 1 and _least(columns, kept) > width:
        kept.remove(max(kept, key=lambda index: (columns[index].priority, index)))
    spare = width - _least(columns, kept)
    weights = sum(columns[index].weight for index in kept)
    found, given = [], 0
    for index in kept:
        column = columns[index]
        own = column.width or column.least
        if column.weight and spare > 0:
            last = all(not columns[later].weight for later in kept if later > index)
            more = spare - given if last else spare * column.weight // weights
            given += more
            own += more
        found.append((index, max(min(own, width), 1)))
    return found


def _least(columns: Sequence[Column], kept: Sequence[int]) -> int:
    return sum((columns[index].width or columns[index].least) for index in kept) + GAP * (len(kept) - 1)


def wrapped(lines: Sequence[Cell], width: int) -> list[Cell]:
    """Lines no longer than `width`; what goes over is continued with the line's own indent."""
    if width <= 0:
        return list(lines)
    found: list[Cell] = []
    for line in lines:
        clean = safe_parts(line)
        if sum(cell_len(part.text) for part in clean) <= width:
            found.append(clean)
        else:
            found.extend(_wrap(clean, width))
    return found


def _wrap(line: Cell, width: int) -> list[Cell]:
    text = "".join(part.text for part in line)
    indent = min(len(text) - len(text.lstrip(" ")) + 2, width // 2)
    found: list[Cell] = []
    current: list[Part] = []
    room = width
    for part in line:
        rest = part.text
        while rest:
            if cell_len(rest) <= room:
                current.append(Part(rest, part.tone))
                room -= cell_len(rest)
                break
            head = _head(rest, room, width - indent, at_start=len(current) == (1 if found else 0))
            if head:
                current.append(Part(head, part.tone))
            rest = rest[len(head) :].lstrip(" ") if head else rest
            found.append(tuple(current))
            current, room = [Part(" " * indent)], width - indent
    found.append(tuple(current))
    return found


def _head(text: str, room: int, fresh: int, *, at_start: bool) -> str:
    """As many whole words as there is room for. A word is cut only if it would not fit on a fresh line either."""
    if room <= 0:
        return ""
    head = chop_cells(text, room)[0]
    if len(head) == len(text) or text[len(head)] == " ":
        return head
    space = head.rfind(" ")
    word = text[space + 1 :].split(" ", 1)[0]
    if cell_len(word) > fresh:
        return head
    if space >= 0 and head[: space + 1].strip():
        return head[: space + 1]
    return head if at_start else ""
