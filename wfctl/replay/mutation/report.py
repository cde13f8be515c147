"""What came of all the changes: caught, warned of, or slipped through; per workflow type, with the lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from wfctl.replay.model import Verdict
from wfctl.replay.mutation.sites import Mutation
from wfctl.replay.mutation.trial import Outcome


class Fate(StrEnum):
    CAUGHT = "caught"
    WARNED = "warned"
    SLIPPED = "slipped"


@dataclass(frozen=True, slots=True)
class Trial:
    """One change and what became of it."""

    mutation: Mutation
    fate: Fate
    by: str = ""
    rule: str = ""
    why: str = ""


@dataclass(slots=True)
class Measured:
    trials: list[Trial] = field(default_factory=list)
    histories: int = 0
    left_out: list[str] = field(default_factory=list)
    """Histories that the unchanged code does not replay."""

    def of_type(self, name: str) -> list[Trial]:
        return [one for one in self.trials if name in one.mutation.workflow_types]

    @property
    def types(self) -> list[str]:
        return sorted({name for one in self.trials for name in one.mutation.workflow_types})

    @property
    def score(self) -> float:
        return score(self.trials)


def score(trials: Sequence[Trial]) -> float:
    """The share that a check would fail on, in percent."""
    return 100.0 * sum(one.fate is Fate.CAUGHT for one in trials) / len(trials) if trials else 0.0


def judged(mutation: Mutation, outcome: Outcome, lines: dict[str, set[int]] | None, histories: int) -> Trial:
    """The fate of one change."""
    if outcome.failure:
        return Trial(mutation, Fate.CAUGHT, rule="process", why=outcome.failure.strip().splitlines()[-1])
    for one in outcome.judged:
        if not one.verdict.passes:
            return Trial(mutation, Fate.CAUGHT, one.history, one.rule or one.verdict.value)
    for one in outcome.judged:
        if one.warnings:
            return Trial(mutation, Fate.WARNED, one.history, ", ".join(sorted(one.warnings)))
    return Trial(mutation, Fate.SLIPPED, why=_why(mutation, lines, histories))


def _why(mutation: Mutation, lines: dict[str, set[int]] | None, histories: int) -> str:
    if not histories:
        return "there is no history of this type"
    if lines is None:
        return "no history tells the difference"
    hit = lines.get(mutation.file, set())
    if any(line in hit for line in range(mutation.location.line, mutation.last_line + 1)):
        return "the line is replayed, and no history tells the difference"
    return "the line is never replayed"


def as_json(measured: Measured) -> dict[str, Any]:
    return {
        "workflows": [_of_type(measured, name) for name in measured.types],
        "mutations": [
            {
                "kind": one.mutation.kind,
                "change": one.mutation.title,
                "workflow_types": list(one.mutation.workflow_types),
                "location": {
                    "file": one.mutation.location.file, "line": one.mutation.location.line,
                    "function": one.mutation.location.function, "text": one.mutation.location.text,
                },
                "fate": one.fate.value, "history": one.by or None, "rule": one.rule or None, "why": one.why or None,
            }
            for one in measured.trials
        ],
        "summary": {
            "histories": measured.histories, "left_out": measured.left_out, "mutations": len(measured.trials),
            **{fate.value: sum(one.fate is fate for one in measured.trials) for fate in Fate},
            "score": round(measured.score, 1),
        },
    }  # fmt: skip


def _of_type(measured: Measured, name: str) -> dict[str, Any]:
    trials = measured.of_type(name)
    counts = {fate.value: sum(one.fate is fate for one in trials) for fate in Fate}
    return {"type": name, "mutations": len(trials), **counts, "score": round(score(trials), 1)}


def passing(outcome: Outcome) -> set[str]:
    """Histories that the unchanged code replays."""
    return {one.history for one in outcome.judged if one.verdict is Verdict.COMPATIBLE}
