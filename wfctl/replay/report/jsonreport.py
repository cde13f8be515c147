"""`-o json` and `-o jsonl`: the shape that docs/replay.schema.json publishes."""

from __future__ import annotations

from typing import Any

from wfctl.replay.model import Aligned, Command, Finding, Location, Result, Summary, Verdict


def result(one: Result) -> dict[str, Any]:
    """One history's verdict; what is not known is left out."""
    cause = one.cause
    value: dict[str, Any] = {
        "history": one.history,
        "workflow_id": one.workflow_id,
        "run_id": one.run_id,
        "workflow_type": one.workflow_type,
        "verdict": one.verdict.value,
        "event_id": cause.event_id or None if cause else None,
        "rule": cause.rule if cause else None,
        "location": _location(cause.location) if cause else None,
        "detail": one.detail,
        "events": one.events,
        "judged_to_event_id": one.judged_to_event_id,
        "seconds": one.seconds,
        "findings": [_finding(finding) for finding in one.findings],
    }
    return value


def summary(of: Summary) -> dict[str, Any]:
    counts = {verdict.value: of.counts.get(verdict, 0) for verdict in Verdict}
    return {
        "total": sum(counts.values()),
        "replayed": of.replayed,
        **counts,
        "warnings": of.warnings,
        "seconds": round(of.seconds, 3),
    }


def _location(place: Location | None) -> dict[str, Any] | None:
    if place is None:
        return None
    value: dict[str, Any] = {"file": place.file, "line": place.line}
    if place.function:
        value["function"] = place.function
    if place.text:
        value["text"] = place.text
    return value


def _finding(one: Finding) -> dict[str, Any]:
    value: dict[str, Any] = {
        "rule": one.rule,
        "severity": one.severity.value,
        "message": one.message,
        "event_id": one.event_id or None,
        "event_type": one.event_type or None,
        "location": _location(one.location),
        "recorded": _command(one.recorded),
        "produced": _command(one.produced),
        "diff": [_row(row) for row in one.diff],
        "fix": one.fix or None,
    }
    return {key: item for key, item in value.items() if item not in (None, [])}


def _row(row: Aligned) -> dict[str, Any]:
    return {"recorded": _command(row.recorded), "produced": _command(row.produced)}


def _command(one: Command | None) -> dict[str, Any] | None:
    if one is None:
        return None
    value: dict[str, Any] = {"kind": one.kind, "name": one.name, "id": one.id}
    if one.event_id:
        value.update(event_id=one.event_id, event_type=one.event_type)
    if one.attributes:
        value["attributes"] = dict(one.attributes)
    if one.location:
        value["location"] = _location(one.location)
    return {key: item for key, item in value.items() if item != ""}
