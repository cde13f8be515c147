"""The job summary: what was checked in one table, then each problem with its diff and its fix."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby
from textwrap import dedent

from wfctl.replay.messages import LoadFailure
from wfctl.replay.model import Aligned, Finding, Result, Severity, Summary, Verdict
from wfctl.replay.report.problems import Problem, problems
from wfctl.replay.report.text import command
from wfctl.replay.rules import rule

_PROBLEMS_SHOWN = 25
_HISTORIES_SHOWN = 10
_INDENT = "    "
_SIGNS = {Severity.ERROR: "❌", Severity.WARNING: "⚠️", Severity.NOTE: "ℹ️"}


def render(results: Sequence[Result], summary: Summary, stopped: str = "") -> str:
    """The whole document."""
    found = problems(results)
    blocks = [f"## Replay check: {_outcome(summary)}", *([f"Stopped early: {stopped}."] if stopped else [])]
    blocks.append(_table(results))
    blocks += [_problem(one) for one in found[:_PROBLEMS_SHOWN]]
    if len(found) > _PROBLEMS_SHOWN:
        blocks.append(f"… and {len(found) - _PROBLEMS_SHOWN} more problems.")
    blocks += _skipped(results)
    return "\n\n".join(blocks) + "\n"


def render_failure(failure: LoadFailure) -> str:
    """Of a check that could not begin."""
    hint = f"\n\n{_plain(failure.hint)}" if failure.hint else ""
    told = "\n".join(_fenced("", failure.sentence))
    return f"## Replay check: ❌ the code could not be loaded\n\n{told}{hint}\n"


def _outcome(summary: Summary) -> str:
    broken = sum(count for verdict, count in summary.counts.items() if not verdict.passes)
    if broken:
        return f"❌ {broken} of {summary.replayed} histories would break"
    if not summary.replayed:
        return "❌ nothing was replayed"
    warned = f", {summary.warnings} warning{'s' if summary.warnings > 1 else ''}" if summary.warnings else ""
    return f"✅ {summary.replayed} histories replay{warned}"


def _table(results: Sequence[Result]) -> str:
    verdicts = [one for one in Verdict if any(result.verdict is one for result in results)]
    lines = ["| Workflow type | " + " | ".join(one.value for one in verdicts) + " |",
             "|---|" + "---:|" * len(verdicts)]  # fmt: skip
    for name in dict.fromkeys(result.workflow_type for result in results):
        counts = [
            sum(1 for one in results if one.workflow_type == name and one.verdict is verdict) for verdict in verdicts
        ]
        lines.append(f"| {_cell(name) or '(unknown)'} | " + " | ".join(str(count or "") for count in counts) + " |")
    return "\n".join(lines)


def _problem(one: Problem) -> str:
    _, finding = one.first
    where = f" at `{one.location.file}:{one.location.line}`" if one.location else ""
    lines = [
        f"### {_SIGNS[one.severity]} `{one.rule}` {_plain(rule(one.rule).title)}{where}",
        "",
        _plain(finding.message),
    ]
    if finding.event_id:
        lines += ["", f"At event {finding.event_id}{f' ({finding.event_type})' if finding.event_type else ''}."]
    if finding.diff:
        lines += ["", *_fenced("diff", "\n".join(_row(row) for row in finding.diff))]
    lines += _fix(finding)
    names = [seen.history for seen, _ in one.seen]
    more = f"\n- … and {len(names) - _HISTORIES_SHOWN} more" if len(names) > _HISTORIES_SHOWN else ""
    shown = "\n".join(f"- `{name}`" for name in names[:_HISTORIES_SHOWN])
    lines += ["", f"<details><summary>Seen {one.extent}</summary>\n\n{shown}{more}\n\n</details>"]
    return "\n".join(lines)


def _fix(finding: Finding) -> list[str]:
    if not finding.fix:
        return []
    lines = finding.fix.rstrip().split("\n")
    if finding.fix.startswith("if workflow.patched("):
        return ["", "Fix:", "", *_fenced("python", "\n".join(lines))]
    told: list[str] = []
    for is_code, part in groupby(lines, lambda line: line.startswith(_INDENT) or not line):
        block = dedent("\n".join(part)).strip("\n")
        if block:
            told += ["", *(_fenced("python", block) if is_code else [_plain(block)])]
    return ["", "Fix:", *told]


def _fenced(language: str, text: str) -> list[str]:
    """A code block whose fence is longer than any in the text."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", text, fence]


def _row(row: Aligned) -> str:
    if row.recorded is not None and row.produced is not None:
        return f"  {command(row.recorded)}"
    if row.recorded is not None:
        return f"- {command(row.recorded)}"
    return f"+ {command(row.produced)}" if row.produced is not None else ""


def _skipped(results: Sequence[Result]) -> list[str]:
    skipped = [one for one in results if one.verdict is Verdict.SKIPPED]
    if not skipped:
        return []
    lines = "\n".join(f"- `{one.history}`: {_plain(one.detail)}" for one in skipped[:_PROBLEMS_SHOWN])
    more = f"\n- … and {len(skipped) - _PROBLEMS_SHOWN} more" if len(skipped) > _PROBLEMS_SHOWN else ""
    return [f"<details><summary>{len(skipped)} skipped</summary>\n\n{lines}{more}\n\n</details>"]


def _cell(text: str) -> str:
    return _plain(text).replace("|", "\\|")


def _plain(text: str) -> str:
    return text.replace("<", "&lt;").replace("\n", "  \n")
