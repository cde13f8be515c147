"""What a trace means: the verdict, and what was found."""

from __future__ import annotations

import re
from dataclasses import dataclass

from temporalio.workflow import NondeterminismError

from wfctl.replay.loader import Target
from wfctl.replay.model import Finding, Severity, Verdict
from wfctl.replay.reading import ReadHistory
from wfctl.replay.recording import Trace


@dataclass(frozen=True, slots=True)
class Diagnosis:
    verdict: Verdict
    detail: str = ""
    findings: tuple[Finding, ...] = ()
    judged_to_event_id: int = 0


_EVENT = re.compile(r"HistoryEvent\(id: (\d+), (\w+)\)")
_MESSAGE = re.compile(r'message: "((?:[^"\\]|\\.)*)"')


def explain(history: ReadHistory, trace: Trace, target: Target) -> Diagnosis:
    """The verdict on one history that was replayed."""
    last = history.events[-1].event_id
    failure = trace.failure
    if failure is None:
        return Diagnosis(Verdict.COMPATIBLE, judged_to_event_id=last)
    text = str(failure)
    found = _MESSAGE.search(text)
    message = found[1].replace('\\"', '"').replace("\\n", "\n") if found else text
    event = _EVENT.search(message)
    verdict, rule = _verdict(failure, message)
    finding = Finding(rule, Severity.ERROR, message, int(event[1]) if event else 0, event[2] if event else "")
    return Diagnosis(verdict, message, (finding,), max(0, finding.event_id - 1))


def _verdict(failure: Exception, message: str) -> tuple[Verdict, str]:
    if isinstance(failure, NondeterminismError):
        return Verdict.NONDETERMINISM, "WR100"
    if "is not registered on this worker" in message:
        return Verdict.UNREGISTERED, "WR200"
    if "deadlock" in message.lower():
        return Verdict.TIMEOUT, "WR500"
    if "Failed decoding" in message:
        return Verdict.DECODE_ERROR, "WR300"
    return Verdict.WORKFLOW_ERROR, "WR400"
