"""What the checker and its worker processes say to one another. Imports nothing slow: the parent stays light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wfctl.replay.model import Location, Result
from wfctl.replay.sources import StoredHistory


class LoadFailure(Exception):
    """A target could not be loaded. `location` is the line of the user's code, if it got that far."""

    def __init__(self, target: str, reason: str, location: Location | None = None, hint: str = "") -> None:
        super().__init__(reason)
        self.target = target
        self.reason = reason
        self.location = location
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        return LoadFailure, (self.target, self.reason, self.location, self.hint)

    @property
    def sentence(self) -> str:
        where = f" at {self.location.file}:{self.location.line}" if self.location else ""
        text = f"\n    {self.location.text}" if self.location and self.location.text else ""
        return f"{self.target}: {self.reason}{where}{text}"


@dataclass(frozen=True, slots=True)
class RunnerCommand:
    """How to start a runner, the program that replays for another language; everything it needs is prepared."""

    argv: tuple[str, ...]
    project: str
    """The directory of the user's code: frames of a stack trace that lie in it are theirs."""
    target: str = ""
    """What was named on the command line."""
    environment: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """What every worker process is told when it starts."""

    targets: tuple[str, ...]
    search: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    skip_unregistered: bool = False
    chain: bool = False
    runner: RunnerCommand | None = None
    """The code is of another language: this replays it."""


@dataclass(frozen=True, slots=True)
class Ready:
    types: tuple[str, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Job:
    """What a process is sent: a stored thing to judge. `alone`: not at once with others, in the SDK's own way."""

    number: int
    stored: StoredHistory
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Follow:
    """A run that continues a judged one, or one of its children."""

    workflow_id: str
    run_id: str
    relation: str


@dataclass(frozen=True, slots=True)
class Judged:
    """One history of a stored thing: its result, and the runs that `--chain` follows."""

    number: int
    result: Result
    follow: tuple[Follow, ...] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """Every history of the stored thing is judged. `leaving`: this process must not be used again."""

    number: int
    leaving: bool = False
