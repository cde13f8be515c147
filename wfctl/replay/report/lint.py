"""What the lint found: as text, as JSON, as SARIF 2.1.0, as annotations of GitHub."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from wfctl import __version__
from wfctl.output import Output, Paint
from wfctl.replay.lint.reach import Linted, LintFinding
from wfctl.replay.lint.rules import RULES
from wfctl.replay.model import Location, Severity
from wfctl.replay.report import github, sarif
from wfctl.replay.report.problems import seen_from

_PAINT: dict[Severity, Paint] = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}


def text(out: Output, linted: Linted) -> None:
    for finding in linted.findings:
        _block(out, finding)
    out.line(_totals(out, linted))


def _block(out: Output, finding: LintFinding) -> None:
    place = finding.location
    label = out.paint(f"{finding.severity.value}[{finding.rule}]", _PAINT[finding.severity])
    out.line(f"{out.paint(f'{place.file}:{place.line}', 'cyan')}: {label} {finding.message}")
    if place.text:
        out.line(f"    {place.text}")
    for step in finding.chain[:-1]:
        out.line(out.paint(f"    reached from {step.function} ({step.file}:{step.line})  {step.text}", "dim"))
    if finding.fix:
        out.line(f"    fix: {finding.fix}")


def _totals(out: Output, linted: Linted) -> str:
    counts = totals(linted)
    parts = [
        out.paint(f"{count} {severity.value}{'s' if count > 1 else ''}", _PAINT[severity])
        for severity in Severity
        if (count := counts[f"{severity.value}s"])
    ]
    ignored = f", {linted.ignored} ignored" if linted.ignored else ""
    workflows = len(linted.workflows)
    return f"{', '.join(parts) or 'nothing found'}{ignored} in {workflows} workflow{'s' if workflows != 1 else ''}"


def totals(linted: Linted) -> dict[str, int]:
    counts = {f"{severity.value}s": 0 for severity in Severity}
    for finding in linted.findings:
        counts[f"{finding.severity.value}s"] += 1
    return counts


def value(finding: LintFinding) -> dict[str, Any]:
    """One finding as JSON."""
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "message": finding.message,
        "location": _place(finding.location),
        "chain": [_place(step) for step in finding.chain],
        "workflows": list(finding.workflows),
        "fix": finding.fix,
    }


def summary(linted: Linted) -> dict[str, Any]:
    return {**totals(linted), "ignored": linted.ignored, "workflows": linted.workflows}


def _place(place: Location) -> dict[str, Any]:
    return {"file": place.file, "line": place.line, "function": place.function, "text": place.text}


def annotated(linted: Linted, root: Path | None = None) -> str:
    """GitHub workflow commands, the gravest first, for GitHub shows ten of a step."""
    order = list(Severity)
    return "".join(
        github.annotation(
            one.severity,
            seen_from(root, one.location),
            f"{one.rule}: {RULES[one.rule].title}",
            f"{one.message}{_way(one)}\n{one.fix}",
        )
        for one in sorted(linted.findings, key=lambda one: order.index(one.severity))
    )


def _way(finding: LintFinding) -> str:
    return "".join(f"\nreached from {one.function} ({one.file}:{one.line})" for one in finding.chain[:-1])


def as_sarif(linted: Linted, root: Path | None = None) -> str:
    """The whole document; the chain of calls is a code flow."""
    rules = sorted({finding.rule for finding in linted.findings})
    run = {
        "tool": {
            "driver": {
                "name": "wfctl replay lint",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_rule(name) for name in rules],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, rules.index(finding.rule), root) for finding in linted.findings],
    }
    document = {"$schema": sarif.SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _rule(name: str) -> dict[str, Any]:
    rule = RULES[name]
    return {
        "id": name,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": f"{rule.title}. {rule.explanation}"},
        "help": {"text": rule.fix},
        "defaultConfiguration": {"level": rule.severity.value},
    }


def _result(finding: LintFinding, index: int, root: Path | None) -> dict[str, Any]:
    value: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": finding.severity.value,
        "message": {"text": f"{finding.message}{_way(finding)}\n\n{finding.fix}".rstrip()},
        "locations": [sarif.location(seen_from(root, finding.location))],
        "partialFingerprints": {"wfctlLint/v1": _fingerprint(finding)},
        "properties": {"workflowTypes": list(finding.workflows)},
    }
    if len(finding.chain) > 1:
        steps = [{"location": sarif.location(seen_from(root, step))} for step in finding.chain]
        value["codeFlows"] = [{"threadFlows": [{"locations": steps}]}]
    return value


def _fingerprint(finding: LintFinding) -> str:
    """The same finding stays the same alert when lines above it move."""
    place = finding.location
    parts = (finding.rule, place.file, place.function, place.text)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
