"""GitHub workflow commands: annotations on the lines of workflow code that a pull request breaks."""

from __future__ import annotations

from collections.abc import Sequence

from wfctl.replay.model import Result, Severity
from wfctl.replay.report.problems import Problem, problems
from wfctl.replay.rules import rule

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def render(results: Sequence[Result]) -> str:
    """One command a problem. GitHub shows ten of a step, so the gravest come first."""
    return "".join(_annotation(one) + "\n" for one in problems(results))


def _annotation(one: Problem) -> str:
    result, finding = one.first
    properties = []
    if one.location is not None:
        properties += [f"file={_property(one.location.file)}", f"line={one.location.line}"]
    title = f"{one.rule}: {rule(one.rule).title}"
    properties.append(f"title={_property(title)}")
    event = (
        f" (event {finding.event_id}{f' {finding.event_type}' if finding.event_type else ''})"
        if finding.event_id
        else ""
    )
    text = (
        f"{result.workflow_type or result.history}: {finding.message}{event}\nseen {one.extent}, first {result.history}"
    )
    if finding.fix:
        text += f"\n{finding.fix}"
    return f"::{_LEVELS[one.severity]} {','.join(properties)}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
