"""What the filter bar offers to complete: names of attributes, and the values that are on the screen."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

SYSTEM_ATTRIBUTES: tuple[str, ...] = (
    "WorkflowId", "WorkflowType", "ExecutionStatus", "StartTime", "CloseTime", "TaskQueue", "RunId",
    "ExecutionDuration", "HistoryLength", "ParentWorkflowId", "RootWorkflowId", "BuildIds", "ExecutionTime",
    "TemporalScheduledById",
)  # fmt: skip
_VALUE = re.compile(r"(\w+)\s*(?:=|!=|STARTS_WITH)\s*'([^']*)$", re.IGNORECASE)
_NAME = re.compile(r"(?:^|\bAND\s+|\bOR\s+|\(\s*)(\w+)$", re.IGNORECASE)


def complete(text: str, names: Sequence[str], values: Mapping[str, Sequence[str]]) -> str | None:
    """The text with its last word finished; None when nothing fits."""
    value = _VALUE.search(text)
    if value is not None:
        known = values.get(value.group(1).lower(), ())
        found = _first(value.group(2), known)
        return f"{text[: value.start(2)]}{found}'" if found is not None else None
    name = _NAME.search(text)
    if name is None:
        return None
    found = _first(name.group(1), names)
    return f"{text[: name.start(1)]}{found}" if found is not None else None


def _first(begun: str, known: Sequence[str]) -> str | None:
    lowered = begun.lower()
    return next((one for one in known if one.lower().startswith(lowered) and len(one) > len(begun)), None)
