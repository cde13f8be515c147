"""The exit code of a check: one per kind of trouble, so that CI can tell a broken workflow from a broken set-up."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from wfctl.replay.model import Summary, Verdict


class CheckExit(IntEnum):
    """Distinct from the codes of other commands; 0, 2 (usage) and 130 (ctrl-c) mean what they mean everywhere."""

    OK = 0
    NONDETERMINISM = 10
    WORKFLOW_ERROR = 11
    UNREGISTERED = 12
    DECODE_ERROR = 13
    TIMEOUT = 14
    BAD_HISTORY = 15
    INFRASTRUCTURE = 16
    CODE_NOT_LOADED = 17
    NOTHING_REPLAYED = 18
    WARNINGS = 19


GRAVEST_FIRST: Sequence[tuple[Verdict, CheckExit]] = (
    (Verdict.NONDETERMINISM, CheckExit.NONDETERMINISM),
    (Verdict.WORKFLOW_ERROR, CheckExit.WORKFLOW_ERROR),
    (Verdict.UNREGISTERED, CheckExit.UNREGISTERED),
    (Verdict.DECODE_ERROR, CheckExit.DECODE_ERROR),
    (Verdict.TIMEOUT, CheckExit.TIMEOUT),
    (Verdict.BAD_HISTORY, CheckExit.BAD_HISTORY),
    (Verdict.INFRASTRUCTURE, CheckExit.INFRASTRUCTURE),
)


def exit_code(summary: Summary, *, strict: bool = False) -> CheckExit:
    """The gravest trouble decides. Nothing replayed is trouble: a check that checks nothing must not be green."""
    for verdict, code in GRAVEST_FIRST:
        if summary.counts.get(verdict):
            return code
    if not summary.replayed:
        return CheckExit.NOTHING_REPLAYED
    return CheckExit.WARNINGS if strict and summary.warnings else CheckExit.OK
