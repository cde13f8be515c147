"""`wfctl replay status`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wfctl.commands._session import Session, session
from wfctl.commands.replay._code import lines_of, not_loaded, read_histories, wanted_of
from wfctl.commands.replay._flags import CodeFlags, HistoryFlags
from wfctl.errors import ExitCode

if TYPE_CHECKING:
    from wfctl.replay.corpus.status import OfType, Status

_RANGES_SHOWN = 12


def status(
    ctx: typer.Context,
    histories: HistoryFlags,
    code: CodeFlags,
    targets: Annotated[
        list[str] | None, typer.Argument(metavar="[TARGET]…", help="The code, as for `replay check`.")
    ] = None,
    timeout: Annotated[float, typer.Option("--timeout", min=1, help="Seconds for all replays.")] = 120.0,
    max_age: Annotated[
        float, typer.Option("--max-age", metavar="DAYS", help="Fail if a type's newest history is older; 0: never.")
    ] = 0.0,
    min_coverage: Annotated[
        float, typer.Option("--min-coverage", metavar="PERCENT", help="Fail if fewer of a type's lines are replayed.")
    ] = 0.0,
) -> int:
    """Say how fresh the histories are and what of the code they cover.

    wfctl replay status orders.workflows --histories tests/histories

    For each workflow type: histories, outcomes, age, SDK versions; kinds of commands and sides of patches that no history
    has; and, with coverage.py installed, the lines of workflow code that no replay runs.
    """
    with session(ctx) as opened:
        wanted = wanted_of(targets, histories, code, "wfctl replay status orders.workflows -H histories")
        found = _found(opened, wanted, timeout)
        _tell(opened, found)
        return _exit_code(opened, found, max_age, min_coverage)


def _found(opened: Session, wanted: dict[str, Any], timeout: float) -> Status:
    from wfctl.replay.corpus import status as covering
    from wfctl.replay.corpus.shape import shape_of
    from wfctl.replay.lint.reach import reached
    from wfctl.replay.messages import LoadFailure

    targets, search = tuple(wanted["targets"]), tuple(wanted.get("path", ()))
    try:
        workflows, read = reached(targets, search)
    except LoadFailure as failure:
        raise not_loaded(failure) from failure
    histories = read_histories(opened, wanted)
    files = frozenset(str(unit.module.path) for workflow in workflows for unit in workflow.units)
    known = {workflow.workflow_type for workflow in workflows}
    replayed = [(name, history) for name, history in histories if history.workflow_type in known]
    outcome = lines_of(targets, search, replayed, files, timeout)
    return covering.status(workflows, read, (shape_of(history.events) for _, history in histories), outcome)


def _tell(opened: Session, found: Status) -> None:
    from wfctl.replay.corpus import status as covering

    out = opened.out
    out.value(covering.as_json(found, opened.now))
    for one in found.types:
        _tell_type(opened, one, lines_known=found.lines_known)
    for name in found.unknown_types:
        out.line(f"{name}: there are histories of it, and no workflow in the code")
    for name, detail in found.failing:
        out.line(f"{out.paint('fails', 'red')} {name}: {detail.splitlines()[0]}")
    if not found.lines_known and any(one.histories for one in found.types):
        out.note("note: lines are not measured; install coverage (pip install 'wfctl[coverage]')")


def _tell_type(opened: Session, one: OfType, *, lines_known: bool) -> None:
    from wfctl.replay.corpus.status import age_days

    out = opened.out
    out.heading(one.name)
    outcomes = ", ".join(f"{count} {name}" for name, count in sorted(one.outcomes.items()))
    rows = [("Histories", f"{one.histories} ({outcomes})" if one.histories else out.paint("none", "red"))]
    age = age_days(one.newest, opened.now)
    if age is not None:
        rows.append(("Newest", f"{one.newest} ({age:.0f} days old)"))
    if one.sdks:
        rows.append(("SDK", ", ".join(sorted(one.sdks))))
    if one.kinds_lacking:
        rows.append(("Not in any", out.paint(", ".join(one.kinds_lacking), "yellow")))
    for patch in one.patches:
        lacking = ", ".join(patch.lacking)
        sides = out.paint(f"no history {lacking}", "yellow") if lacking else "all sides"
        rows.append(("Patch", f"{patch.id} ({patch.location.file}:{patch.location.line}): {sides}"))
    if lines_known:
        rows.append(("Lines", f"{one.replayed} of {one.statements} statements are replayed ({one.coverage:.0f} %)"))
        shown = [_range(*item) for item in one.never_replayed[:_RANGES_SHOWN]]
        more = len(one.never_replayed) - len(shown)
        if shown:
            rows.append(("Never replayed", "\n".join([*shown, *([f"… and {more} more"] if more else [])])))
    out.card(rows)


def _range(file: str, first: int, last: int) -> str:
    try:
        file = str(Path(file).relative_to(Path.cwd()))
    except ValueError:
        pass
    return f"{file}:{first}" if first == last else f"{file}:{first}-{last}"


def _exit_code(opened: Session, found: Status, max_age: float, min_coverage: float) -> int:
    from wfctl.replay.corpus.status import age_days

    short: list[str] = []
    for one in found.types:
        age = age_days(one.newest, opened.now)
        if max_age and (age is None or age > max_age):
            short.append(f"{one.name}: its newest history is {'missing' if age is None else f'{age:.0f} days old'}")
        if min_coverage and found.lines_known and one.coverage < min_coverage:
            short.append(f"{one.name}: {one.coverage:.0f} % of its lines are replayed")
    for reason in short:
        opened.out.note(f"error: {reason}")
    return ExitCode.FAILED if short else ExitCode.OK
