"""What the replay checker finds, as plain values: shared by the checker, its diagnosis and every report. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """What became of one history."""

    COMPATIBLE = "compatible"
    NONDETERMINISM = "nondeterminism"
    UNREGISTERED = "unregistered"  # the code has no workflow of that type
    DECODE_ERROR = "decode_error"  # a payload could not be decoded
    WORKFLOW_ERROR = "workflow_error"  # the workflow's code raised where history went on
    TIMEOUT = "timeout"
    BAD_HISTORY = "bad_history"
    INFRASTRUCTURE = "infrastructure"  # the checker's own trouble: a worker process died, a server went away
    SKIPPED = "skipped"

    @property
    def passes(self) -> bool:
        return self is Verdict.COMPATIBLE or self is Verdict.SKIPPED


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Location:
    """A place in source code. `line` is 1-based; `function` is the qualified name."""

    file: str
    line: int
    function: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """One command, whichever side it comes from.

    `kind` is the command type without its prefix (`SCHEDULE_ACTIVITY_TASK`); `name` what it is about (activity type,
    timer id, child workflow type, patch id …); `event_id` the history event it became (0: the code's own).
    """

    kind: str
    name: str
    id: str = ""
    event_id: int = 0
    event_type: str = ""
    attributes: tuple[tuple[str, str], ...] = ()
    location: Location | None = None
    frames: tuple[Location, ...] = field(default=(), compare=False, repr=False)
    """All of the user's frames that were at work when the code made it, the innermost first."""


@dataclass(frozen=True, slots=True)
class Aligned:
    """A row of the diff around a divergence: history's command, the code's, or both when they match."""

    recorded: Command | None
    produced: Command | None

    @property
    def matches(self) -> bool:
        return self.recorded is not None and self.produced is not None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found in one history, named by a rule of the catalogue."""

    rule: str
    severity: Severity
    message: str
    event_id: int = 0
    event_type: str = ""
    location: Location | None = None
    recorded: Command | None = None
    produced: Command | None = None
    diff: tuple[Aligned, ...] = ()
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """The verdict on one history; `history` says where it came from (a path, `server:ID/RUN`, `db:ID/RUN`)."""

    history: str
    workflow_id: str
    run_id: str
    workflow_type: str
    verdict: Verdict
    detail: str = ""
    findings: tuple[Finding, ...] = ()
    events: int = 0
    judged_to_event_id: int = 0  # how far the replay reached
    seconds: float = 0.0

    @property
    def cause(self) -> Finding | None:
        """The finding that decided the verdict."""
        return next((one for one in self.findings if one.severity is Severity.ERROR), None)


@dataclass(frozen=True, slots=True)
class Summary:
    counts: dict[Verdict, int] = field(default_factory=dict)
    warnings: int = 0
    seconds: float = 0.0

    @classmethod
    def of(cls, results: Sequence[Result], seconds: float = 0.0) -> Summary:
        counts = dict.fromkeys(Verdict, 0)
        for result in results:
            counts[result.verdict] += 1
        warnings = sum(1 for one in results for finding in one.findings if finding.severity is Severity.WARNING)
        return cls(counts, warnings, seconds)

    @property
    def replayed(self) -> int:
        return sum(count for verdict, count in self.counts.items() if verdict is not Verdict.SKIPPED)
