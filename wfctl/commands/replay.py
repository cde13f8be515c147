"""`wfctl replay`: new workflow code against the histories of runs that are out there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from wfctl.commands._session import Session, session
from wfctl.commands._tree import LazyGroup, Row
from wfctl.errors import CommandError, ExitCode, UsageMistake

if TYPE_CHECKING:
    from wfctl.replay.checker import Checker
    from wfctl.replay.model import Result

_HERE = "wfctl.commands.replay"

app = LazyGroup(
    {
        "check": Row(f"{_HERE}:check", "Run the code against histories; say what would break and why"),
    },
    help="Replay histories against your workflow code, before you roll it out.",
)


def check(
    ctx: typer.Context,
    targets: Annotated[
        list[str], typer.Argument(metavar="TARGET…", help="The code: module:Workflow, module, package, file, factory.")
    ],
    histories: Annotated[
        list[str] | None,
        typer.Option("--histories", metavar="PATH", help="History file or directory; - is stdin. Repeatable."),
    ] = None,
    jobs: Annotated[int, typer.Option("-j", "--jobs", min=0, help="Worker processes; 0: one per core.")] = 0,
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds for one history.")] = 120.0,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Stop at the first history that fails.")] = False,
) -> int:
    """Replay histories against workflow code.

    wfctl replay check orders.workflows --histories histories/
    """
    from wfctl.replay import sources
    from wfctl.replay.checker import Checker, CheckOptions
    from wfctl.replay.messages import WorkerOptions

    with session(ctx) as opened:
        if not histories:
            raise UsageMistake("no histories were named", hint="--histories PATH names files and directories")
        options = CheckOptions(WorkerOptions(tuple(targets)), jobs, timeout, fail_fast)
        return _run(opened, Checker(options), sources.from_paths(histories))


def _run(opened: Session, checker: Checker, found: object) -> int:
    from wfctl.replay.exits import CheckExit, exit_code
    from wfctl.replay.messages import LoadFailure
    from wfctl.replay.model import Summary
    from wfctl.replay.report import jsonreport
    from wfctl.replay.report.text import TextReport

    began = time.monotonic()
    text = TextReport(opened.out)
    kept: list[Result] = []
    try:
        for result in checker.results(found):  # type: ignore[arg-type]
            kept.append(result)
            text.result(result)
            if opened.out.format == "jsonl":
                opened.out.value(jsonreport.result(result))
    except LoadFailure as failure:
        raise _not_loaded(failure) from failure
    summary = Summary.of(kept, time.monotonic() - began)
    text.summary(summary)
    if opened.out.format == "json":
        opened.out.value({"results": [jsonreport.result(one) for one in kept], "summary": jsonreport.summary(summary)})
    elif opened.out.format == "jsonl":
        opened.out.value({"summary": jsonreport.summary(summary)})
    if checker.stopped == "interrupted":
        return ExitCode.INTERRUPTED
    code = exit_code(summary)
    if code is CheckExit.NOTHING_REPLAYED:
        opened.out.note("error: nothing was replayed")
    return int(code)


def _not_loaded(failure: object) -> CommandError:
    from wfctl.replay.exits import CheckExit
    from wfctl.replay.messages import LoadFailure

    assert isinstance(failure, LoadFailure)
    error = CommandError(failure.sentence, hint=failure.hint or None)
    error.exit_code = CheckExit.CODE_NOT_LOADED  # type: ignore[assignment]
    return error
