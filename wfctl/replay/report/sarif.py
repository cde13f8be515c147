"""SARIF 2.1.0, for code scanning: one result for each problem, at the line of workflow code that causes it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import quote

from wfctl import __version__
from wfctl.replay.model import Location, Result, Severity
from wfctl.replay.report.problems import Problem, problems, seen_from
from wfctl.replay.rules import rule

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}
_HISTORIES_NAMED = 50


def render(results: Sequence[Result], root: Path | None = None) -> str:
    """The whole document."""
    found = problems(results)
    rules = sorted({one.rule for one in found})
    run = {
        "tool": {
            "driver": {
                "name": "wfctl",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_rule(name) for name in rules],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(one, rules, root) for one in found],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _rule(name: str) -> dict[str, Any]:
    about = rule(name)
    explained = "\n\n".join(part for part in (about.cause, about.explanation) if part)
    return {
        "id": name,
        "name": "".join(part.capitalize() for part in name.split("-")),
        "shortDescription": {"text": about.title},
        "fullDescription": {"text": explained or about.title},
        "defaultConfiguration": {"level": _LEVELS[about.severity]},
        "help": {"text": about.fix or f"See `wfctl replay explain {name}`."},
    }


def _result(one: Problem, rules: Sequence[str], root: Path | None) -> dict[str, Any]:
    result, finding = one.first
    message = finding.message + (f"\n\n{finding.fix}" if finding.fix else "") + f"\n\nSeen {one.extent}."
    value: dict[str, Any] = {
        "ruleId": one.rule,
        "ruleIndex": rules.index(one.rule),
        "level": _LEVELS[one.severity],
        "message": {"text": message},
        "locations": [location(seen_from(root, one.location or Location(result.history, 1)))],
        "partialFingerprints": {"wfctlProblem/v1": _fingerprint(one)},
        "properties": {
            "workflowType": result.workflow_type,
            "histories": [seen.history for seen, _ in one.seen[:_HISTORIES_NAMED]],
            "historyCount": len(one.seen),
        },
    }
    if finding.event_id:
        value["properties"].update(eventId=finding.event_id, eventType=finding.event_type)
    return value


def location(place: Location) -> dict[str, Any]:
    region: dict[str, Any] = {"startLine": max(1, place.line)}
    if place.text:
        region["snippet"] = {"text": place.text}
    value: dict[str, Any] = {"physicalLocation": {"artifactLocation": {"uri": _uri(place.file)}, "region": region}}
    if place.function:
        value["logicalLocations"] = [{"fullyQualifiedName": place.function}]
    return value


def _uri(file: str) -> str:
    path = PurePath(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


def _fingerprint(one: Problem) -> str:
    """The same problem stays the same alert when lines above it move."""
    place = one.location
    parts = (one.rule, one.first[0].workflow_type, place.file if place else "", place.function if place else "",
             place.text if place else one.first[1].message)  # fmt: skip
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
