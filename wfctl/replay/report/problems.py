"""Findings of many histories as the few problems behind them: one rule at one place is one problem.

Code scanning, annotations and summaries show a problem once, with the histories it was seen in.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from wfctl.replay.model import Finding, Location, Result, Severity


@dataclass(frozen=True, slots=True)
class Problem:
    rule: str
    severity: Severity
    location: Location | None
    seen: tuple[tuple[Result, Finding], ...]

    @property
    def first(self) -> tuple[Result, Finding]:
        return self.seen[0]

    @property
    def extent(self) -> str:
        """`in 1 history`, `in 12 histories`."""
        return "in 1 history" if len(self.seen) == 1 else f"in {len(self.seen)} histories"


def problems(results: Sequence[Result]) -> list[Problem]:
    """Errors first, then by how many histories have it; otherwise in the order in which they were met."""
    groups: dict[tuple[object, ...], list[tuple[Result, Finding]]] = {}
    for result in results:
        for finding in result.findings:
            groups.setdefault(_key(result, finding), []).append((result, finding))
    found = [
        Problem(pairs[0][1].rule, pairs[0][1].severity, pairs[0][1].location, tuple(pairs)) for pairs in groups.values()
    ]
    order = list(Severity)
    return sorted(found, key=lambda one: (order.index(one.severity), -len(one.seen)))


def _key(result: Result, finding: Finding) -> tuple[object, ...]:
    if finding.location is None:
        return (finding.rule, finding.severity, result.workflow_type, finding.message, result.history)
    return (finding.rule, finding.severity, finding.location.file, finding.location.line)


def seen_from(root: Path | None, place: Location) -> Location:
    """A place with its file as seen from the root of the checkout, where it is below it."""
    if root is None:
        return place
    relative = os.path.relpath(os.path.abspath(place.file), root)
    return place if relative.startswith("..") else replace(place, file=relative)
