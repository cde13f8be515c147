"""`wfctl replay lint`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wfctl.commands._session import session
from wfctl.errors import CommandError, ExitCode, UsageMistake

if TYPE_CHECKING:
    from wfctl.output import Output
    from wfctl.replay.lint.reach import Linted


def lint(
    ctx: typer.Context,
    targets: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TARGET]…", help="The code: file, directory, module, package, module:Workflow."),
    ] = None,
    path: Annotated[
        list[str] | None,
        typer.Option("--path", metavar="DIR", help="Look for modules here, besides . and ./src. Repeatable."),
    ] = None,
    sarif: Annotated[str | None, typer.Option("--sarif", metavar="FILE", help="Write a SARIF 2.1.0 report.")] = None,
    github: Annotated[
        bool | None, typer.Option("--github/--no-github", help="GitHub annotations. On by itself in GitHub Actions.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail the lint too.")] = False,
    rules: Annotated[bool, typer.Option("--rules", help="List the rules and leave.")] = False,
) -> int:
    """Find what workflow code must not do, without running it: clocks, randomness, I/O, threads, sets, globals …

    wfctl replay lint orders/workflows.py

    Calls are followed into your own modules, and the chain that leads to a finding is shown. A line is excused by
    `# wfctl: ignore[RULE] reason`, on it or above it. Ends with 1 when there are errors.
    """
    from wfctl.replay import settings

    with session(ctx) as opened:
        if rules:
            _list_rules(opened.out)
            return ExitCode.OK
        defaults = settings.load(Path.cwd())
        named = targets or defaults.get("targets") or []
        if not named:
            raise UsageMistake(
                "no code was named to lint", hint="name a file or module, as in `wfctl replay lint app/`"
            )
        return _lint(opened.out, named, [*(path or defaults.get("path", []))], sarif, github, strict)


def _lint(
    out: Output, targets: list[str], search: list[str], sarif: str | None, github: bool | None, strict: bool
) -> int:
    from wfctl.replay.exits import CheckExit
    from wfctl.replay.lint import reach
    from wfctl.replay.messages import LoadFailure
    from wfctl.replay.report import lint as report

    try:
        linted = reach.lint(targets, search)
    except LoadFailure as failure:
        error = CommandError(failure.sentence, hint=failure.hint or None)
        error.exit_code = CheckExit.CODE_NOT_LOADED  # type: ignore[assignment]
        raise error from failure
    report.text(out, linted)
    if out.format == "json":
        out.value({"findings": [report.value(one) for one in linted.findings], "summary": report.summary(linted)})
    elif out.format == "jsonl":
        for one in linted.findings:
            out.value(report.value(one))
        out.value({"summary": report.summary(linted)})
    root = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd())
    if sarif:
        _write(sarif, report.as_sarif(linted, root))
    if github if github is not None else os.environ.get("GITHUB_ACTIONS") == "true":
        (out.stdout if out.is_text else out.stderr).write(report.annotated(linted, root))
    return _exit_code(out, linted, strict=strict)


def _exit_code(out: Output, linted: Linted, *, strict: bool) -> int:
    from wfctl.replay.exits import CheckExit
    from wfctl.replay.report import lint as report

    counts = report.totals(linted)
    if counts["errors"] or (strict and counts["warnings"]):
        return ExitCode.FAILED
    if not linted.workflows:
        out.note("error: there is no workflow in it, so nothing was linted (a workflow is a class with @workflow.defn)")
        return CheckExit.NOTHING_REPLAYED
    return ExitCode.OK


def _list_rules(out: Output) -> None:
    from wfctl.replay.lint.rules import RULES

    out.table(["Rule", "Severity", "What"], [(rule.id, rule.severity.value, rule.title) for rule in RULES.values()])
    with out.listing():
        for rule in RULES.values():
            out.value(
                {
                    "rule": rule.id, "severity": rule.severity.value, "title": rule.title, "explanation": rule.explanation, "fix": rule.fix,
                }
            )  # fmt: skip


def _write(path: str, text: str) -> None:
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"the report {path} cannot be written: {error.strerror}") from error
