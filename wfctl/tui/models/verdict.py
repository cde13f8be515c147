"""What became of a replay of one run against local code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from wfctl.tui.models.cells import Cell


@dataclass(frozen=True, slots=True)
class ReplayVerdict:
    passes: bool
    sentence: str
    event_id: int
    """The event that the new code breaks at; 0 when it does not, or when no event can be named."""
    report: Sequence[Cell]


Replay = Callable[[str, Sequence[Any], str, str], ReplayVerdict]
"""Target (a module or a file), events, workflow id, run id. Blocks; raises CommandError."""
