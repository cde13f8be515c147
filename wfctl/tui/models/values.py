"""Payloads, failures and whole messages as lines for a text view: JSON in colour, binary as hex."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from wfctl.tui.models.cells import Cell, Part, Tone, cell
from wfctl.view.failures import failure_title
from wfctl.view.protojson import has_shorthand, payload_shorthand, to_json

_HEX_BYTES = 16
_MOST_HEX_LINES = 256
Lines = list[Cell]


def json_lines(value: Any, indent: int = 0) -> Lines:
    """JSON as it is usually indented, with meanings for names and values."""
    return [_json_line(line, indent) for line in json.dumps(value, ensure_ascii=False, indent=2).split("\n")]


def _json_line(line: str, indent: int) -> Cell:
    body = line.lstrip(" ")
    space = Part(" " * (indent + len(line) - len(body)))
    if body.startswith('"'):
        end = _string_end(body)
        if body[end : end + 2] == ": ":
            return (
                space,
                Part(body[:end], "accent"),
                Part(": ", "dim"),
                Part(body[end + 2 :], _value_tone(body[end + 2 :])),
            )
    return (space, Part(body, _value_tone(body)))


def _string_end(body: str) -> int:
    at = 1
    while at < len(body) and body[at] != '"':
        at += 2 if body[at] == "\\" else 1
    return at + 1


def _value_tone(text: str) -> Tone:
    if text[:1] == '"':
        return "ok"
    if text[:1] in "{}[]":
        return "dim"
    return "live"


def payload_lines(payload: Any, indent: int = 0) -> Lines:
    if has_shorthand(payload):
        return json_lines(payload_shorthand(payload), indent)
    encoding = payload.metadata.get("encoding", b"").decode("utf-8", "replace")
    if encoding.startswith("json/"):
        try:
            return json_lines(json.loads(payload.data), indent)
        except ValueError:
            return [
                cell(f"{' ' * indent}not the JSON that its encoding {encoding} says", "bad"),
                *_hex(payload.data, indent),
            ]
    title = f"{encoding or 'payload without encoding'}, {len(payload.data)} bytes"
    return [cell(" " * indent + title, "dim"), *_hex(payload.data, indent)]


def _hex(data: bytes, indent: int) -> Lines:
    lines: Lines = []
    for at in range(0, min(len(data), _HEX_BYTES * _MOST_HEX_LINES), _HEX_BYTES):
        row = data[at : at + _HEX_BYTES]
        digits = " ".join(f"{byte:02x}" for byte in row)
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        lines.append((Part(f"{' ' * indent}{at:08x}  ", "dim"), Part(f"{digits:<{_HEX_BYTES * 3}} "), Part(text, "ok")))
    if len(data) > _HEX_BYTES * _MOST_HEX_LINES:
        lines.append(cell(f"{' ' * indent}… {len(data) - _HEX_BYTES * _MOST_HEX_LINES} bytes more", "dim"))
    return lines


def payloads_lines(payloads: Any, indent: int = 0) -> Lines:
    """Each payload; several are numbered."""
    if payloads is None or not payloads.payloads:
        return [cell(" " * indent + "nothing", "dim")]
    if len(payloads.payloads) == 1:
        return payload_lines(payloads.payloads[0], indent)
    lines: Lines = []
    for number, payload in enumerate(payloads.payloads, 1):
        lines.append(cell(f"{' ' * indent}argument {number} of {len(payloads.payloads)}", "dim"))
        lines.extend(payload_lines(payload, indent + 2))
    return lines


def heading(text: str) -> Cell:
    return cell(text, "strong")


def message_lines(message: Any, indent: int = 0) -> Lines:
    """Any protobuf message, payloads decoded in place."""
    return json_lines(_without_empty(to_json(message)), indent)


def _without_empty(value: Any) -> Any:
    """Messages that are there but say nothing only take room."""
    if isinstance(value, dict):
        return {name: inner for name, kept in value.items() if (inner := _without_empty(kept)) != {}}
    return value


def failure_lines(failure: Any, *, indent: int = 0) -> Lines:
    """The cause chain unfolded, each link with its source, details and stack trace."""
    lines: Lines = []
    depth = 0
    while failure is not None:
        space = " " * (indent + 2 * depth)
        lead = Part(f"{space}{'╰ because ' if depth else ''}", "dim")
        first, *rest = failure_title(failure).split("\n")
        lines.append((lead, Part(first, "bad")))
        lines.extend(cell(f"{space}  {line}", "bad") for line in rest)
        lines.extend(_failure_facts(failure, space + "  "))
        lines.extend(
            cell(f"{space}  {line.rstrip()}", "dim") for line in failure.stack_trace.split("\n") if line.strip()
        )
        failure = failure.cause if failure.HasField("cause") else None
        depth += 1
    return lines


def _failure_facts(failure: Any, space: str) -> Iterable[Cell]:
    which = failure.WhichOneof("failure_info")
    info = getattr(failure, which) if which else None
    if failure.source:
        yield (Part(f"{space}source ", "dim"), Part(failure.source))
    if info is None:
        return
    for name in ("identity", "activity_id"):
        value = getattr(info, name, "")
        if value:
            yield (Part(f"{space}{'worker' if name == 'identity' else 'activity id'} ", "dim"), Part(str(value)))
    for name in ("details", "last_heartbeat_details"):
        if name in info.DESCRIPTOR.fields_by_name and info.HasField(name) and getattr(info, name).payloads:
            yield cell(f"{space}{name.replace('_', ' ')}", "dim")
            yield from payloads_lines(getattr(info, name), len(space) + 2)


def plain(lines: Iterable[Cell]) -> str:
    """The words alone, for the clipboard and for files."""
    return "\n".join("".join(part.text for part in line) for line in lines)
