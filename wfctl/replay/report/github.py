"""GitHub workflow commands: annotations on the lines of workflow code that a pull request breaks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wfctl.replay.messages import LoadFailure
from wfctl.replay.model import Location, Result, Severity
from wfctl.replay.report.problems import Problem, problems, seen_from
from wfctl.replay.rules import rule

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def render(results: Sequence[Result], root: Path | None = None) -> str:
    """One command a problem. GitHub shows ten of a step, so the gravest come first."""
    return "".join(_annotation(one, root) for one in problems(results))


def render_failure(failure: LoadFailure, root: Path | None = None) -> str:
    """Of a check that could not begin: at the line of the code that failed, if it came so far."""
    place = seen_from(root, failure.location) if failure.location is not None else None
    return annotation(
        Severity.ERROR, place, "the code could not be loaded", f"{failure.sentence}\n{failure.hint}".strip()
    )


def _annotation(one: Problem, root: Path | None) -> str:
    result, finding = one.first
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
    place = seen_from(root, one.location) if one.location is not None else None
    return annotation(one.severity, place, f"{one.rule}: {rule(one.rule).title}", text)


def annotation(severity: Severity, place: Location | None, title: str, text: str) -> str:
    """One workflow command, a line."""
    properties = [f"file={_property(place.file)}", f"line={place.line}"] if place is not None else []
    properties.append(f"title={_property(title)}")
    return f"::{_LEVELS[severity]} {','.join(properties)}::{_data(text)}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
