"""Why a workflow is where it is, in one sentence: for the terminal UI's panel and `wfctl workflow why`.

An open workflow is explained by what it waits for, what is wrong first; a closed one by how it ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from wfctl.view.durations import short_duration
from wfctl.view.enums import workflow_status
from wfctl.view.failures import failure_title, root_cause
from wfctl.view.payloads import payloads_text
from wfctl.view.waiting import Reason, Surroundings, why_it_waits

Mood = Literal["waiting", "wrong", "done"]
_RESULT_CHARS = 200


@dataclass(frozen=True, slots=True)
class Why:
    sentence: str
    mood: Mood
    reasons: Sequence[Reason] = ()
    """All that an open workflow waits for; the sentence tells the first."""

    @property
    def hint(self) -> str | None:
        return next((reason.hint for reason in self.reasons if reason.hint), None)


def explain(description: Any, around: Surroundings, now: datetime, closing_event: Any = None) -> Why:
    status = workflow_status(description.workflow_execution_info.status)
    if status in ("Running", "Paused"):
        reasons = why_it_waits(description, around, now)
        return Why(_of_open(reasons), "wrong" if reasons[0].urgent else "waiting", reasons)
    return Why(_of_closed(description.workflow_execution_info, status, closing_event), _mood(status))


def _mood(status: str) -> Mood:
    return "wrong" if status in ("Failed", "TimedOut", "Terminated") else "done"


def _of_open(reasons: Sequence[Reason]) -> str:
    first, *rest = reasons
    sentence = first.what[:1].upper() + first.what[1:]
    details = [*first.details, *([first.hint] if first.hint and not first.details else [])]
    if details:
        sentence += f" — {'; '.join(details)}"
    if rest:
        others = f"{len(rest)} other thing{'s' if len(rest) > 1 else ''}"
        sentence += f" (and it waits for {others})"
    return sentence


def _of_closed(info: Any, status: str, closing_event: Any) -> str:
    words = "".join(f" {char.lower()}" if char.isupper() else char for char in status).strip()
    took = info.close_time.ToDatetime(tzinfo=UTC) - info.start_time.ToDatetime(tzinfo=UTC)
    sentence = f"{words[:1].upper()}{words[1:]} after {short_duration(took)}"
    which = closing_event.WhichOneof("attributes") if closing_event is not None else None
    attributes = getattr(closing_event, which) if which else None
    detail = _end_detail(status, attributes) if attributes is not None else ""
    return f"{sentence}: {detail}" if detail else sentence


def _end_detail(status: str, attributes: Any) -> str:
    if status == "Completed":
        text = payloads_text(attributes.result) if attributes.HasField("result") else ""
        return text if len(text) <= _RESULT_CHARS else text[:_RESULT_CHARS] + "…"
    if status == "Failed":
        return _failure_sentence(attributes.failure)
    if status == "Terminated":
        by = f" by {attributes.identity}" if attributes.identity else ""
        return f"{attributes.reason or 'no reason given'}{by}"
    if status == "ContinuedAsNew":
        return f"goes on as run {attributes.new_execution_run_id}"
    return ""


def _failure_sentence(failure: Any) -> str:
    """What failed, then the deepest cause, which is what one looks for."""
    cause = root_cause(failure)
    if cause is failure:
        return failure_title(failure)
    return f"{failure_title(failure)}, because of {failure_title(cause)}"
