"""`workflow diff`: two runs side by side, and where they part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wfctl.commands._session import Session, session
from wfctl.errors import CommandError, ExitCode, UsageMistake
from wfctl.output import Paint, pad, shorten

if TYPE_CHECKING:
    from wfctl.view.diff import Diff, Entry, Pair

_CONTEXT = 2
_MARKS = {"same": " ", "changed": "~", "left": "-", "right": "+"}
_PAINTS: dict[str, Paint | None] = {"same": "dim", "changed": "yellow", "left": "red", "right": "green"}


@dataclass(frozen=True, slots=True)
class _Run:
    name: str
    events: Sequence[Any]


def diff(
    ctx: typer.Context,
    left: Annotated[str, typer.Argument(metavar="LEFT", help="A workflow ID, or a file with a history.")],
    right: Annotated[
        str | None,
        typer.Argument(metavar="[RIGHT]", help="The same; without it, the run that LEFT continues, retries or resets."),
    ] = None,
    left_run_id: Annotated[
        str | None, typer.Option("--left-run-id", help="Which run of LEFT; by default the latest.")
    ] = None,
    right_run_id: Annotated[str | None, typer.Option("--right-run-id", help="Which run of RIGHT.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Show the events that are alike, too.")] = False,
    tasks: Annotated[bool, typer.Option("--tasks", help="Compare workflow tasks that went well, too.")] = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 1 if they differ.")] = False,
) -> None:
    """Compare two runs: align their events, and say where they part and why.

    Ids, times and workers differ by nature and are not compared.

        wfctl workflow diff order-1 order-2
        wfctl workflow diff order-1 order-1.json
        wfctl workflow diff order-1            (against the run before it)
    """
    with session(ctx) as opened:
        from wfctl.view.diff import compare

        first = _run(opened, left, left_run_id)
        second = _run(opened, right, right_run_id) if right else _run_before(opened, left, first, right_run_id)
        if not right:
            first, second = second, first
        found = compare(first.events, second.events, tasks=tasks)
        if opened.out.is_json:
            opened.out.value(_as_json(first, second, found))
        else:
            _print(opened, first, second, found, full)
        if exit_code and not found.is_same:
            raise CommandError("they differ", exit_code=ExitCode.FAILED)


def _run(opened: Session, name: str, run_id: str | None) -> _Run:
    if not run_id and Path(name).is_file():
        from wfctl.commands.tui import read_histories

        found = list(read_histories(Path(name)))
        if len(found) > 1:
            raise UsageMistake(
                f"{name} has {len(found)} histories", hint="put the one to compare into a file of its own"
            )
        return _Run(Path(name).name, found[0])
    from wfctl.commands.workflow.history import events

    return _Run(name, list(events(opened, name, run_id or "")))


def _run_before(opened: Session, name: str, run: _Run, run_id: str | None) -> _Run:
    from wfctl.view.diff import run_before

    before = run_id or run_before(run.events)
    if not before:
        raise UsageMistake(f"no run came before this one of '{name}'", hint="say what to compare it with")
    if Path(name).is_file():
        raise UsageMistake(f"{name} is a file, and has one run", hint="say what to compare it with")
    return _run(opened, name, before)


# Text.


def _print(opened: Session, left: _Run, right: _Run, found: Diff, full: bool) -> None:
    out = opened.out
    for mark, paint, run in (("-", "red", left), ("+", "green", right)):
        out.line(out.paint(f"{mark} {_title(run)}", paint))  # type: ignore[arg-type]
    out.line()
    out.line(found.sentence())
    out.line()
    width = (out.width or 0) if out.is_terminal else 0
    for pair in _in_view(found.pairs, full):
        out.line(_line(opened, pair, width) if pair is not None else out.paint("        ⋮", "dim"))
        for change in _changes(found, pair):
            out.line(f"          {change}")


def _title(run: _Run) -> str:
    from wfctl.view.diff import run_id_of
    from wfctl.view.enums import event_type

    last = event_type(run.events[-1].event_type) if run.events else "nothing"
    return "  ".join(
        (
            run.name,
            *([f"run {run_id_of(run.events)}"] if run_id_of(run.events) else ()),
            f"{len(run.events)} events, last {last}",
        )
    )


def _in_view(pairs: Sequence[Pair], full: bool) -> Iterator[Pair | None]:
    """Differences with what is around them; None where something is left out."""
    if full:
        yield from pairs
        return
    near = {
        at for index, pair in enumerate(pairs) if pair.differs for at in range(index - _CONTEXT, index + _CONTEXT + 1)
    }
    left_out = False
    for index, pair in enumerate(pairs):
        if index in near:
            yield pair
            left_out = False
        elif not left_out:
            yield None
            left_out = True


def _line(opened: Session, pair: Pair, width: int) -> str:
    entry = pair.left or pair.right
    assert entry is not None
    ids = f"{_number(pair.left)} {_number(pair.right)}"
    text = f"{_MARKS[pair.match]} {ids}  {pad(entry.row.type, 30)}  {entry.row.subject}  {entry.row.detail}".rstrip()
    return opened.out.paint(shorten(text, width) if width else text, _PAINTS[pair.match])


def _number(entry: Entry | None) -> str:
    return f"{entry.row.event_id if entry else '':>5}"


def _changes(found: Diff, pair: Pair | None) -> list[str]:
    if pair is None or pair.match != "changed":
        return []
    return [f"{change.path}: {change.left} → {change.right}" for change in found.changes(pair)]


# JSON.


def _as_json(left: _Run, right: _Run, found: Diff) -> dict[str, Any]:
    from wfctl.view.diff import run_id_of

    at = found.first_difference
    return {
        "left": {"name": left.name, "runId": run_id_of(left.events), "events": len(left.events)},
        "right": {"name": right.name, "runId": run_id_of(right.events), "events": len(right.events)},
        "same": found.is_same,
        "sentence": found.sentence(),
        "counts": found.counts,
        "firstDifference": None if at is None else _pair_json(found, found.pairs[at]),
        "differences": [_pair_json(found, pair) for pair in found.pairs if pair.differs],
    }


def _pair_json(found: Diff, pair: Pair) -> dict[str, Any]:
    value: dict[str, Any] = {"match": pair.match}
    for side, entry in (("left", pair.left), ("right", pair.right)):
        if entry is not None:
            value[side] = {"eventId": entry.row.event_id, "type": entry.row.type, "subject": entry.row.subject}
    if pair.match == "changed":
        value["changes"] = [
            {"path": change.path, "left": change.left, "right": change.right} for change in found.changes(pair)
        ]
    return value
