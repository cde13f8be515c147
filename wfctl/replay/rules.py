"""The rules that the checker itself reports, and how reports look any rule up."""

from __future__ import annotations

from wfctl.replay.catalogue import RULES, Rule
from wfctl.replay.model import Finding, Location, Severity

UNREGISTERED = "unregistered"
TIMEOUT = "timed-out"
EXITED = "process-exited"
BAD_HISTORY = "bad-history"
INFRASTRUCTURE = "infrastructure"


def rule(name: str) -> Rule:
    """A rule of the catalogue; a stand-in for one that a newer worker process may report."""
    return RULES.get(name) or Rule(name, Severity.ERROR, name, "", "", "")


def finding(
    name: str, message: str, event_id: int = 0, event_type: str = "", location: Location | None = None
) -> Finding:
    """A finding of the checker's own, with what the catalogue says to do about it."""
    return Finding(name, Severity.ERROR, message, event_id, event_type, location, fix=rule(name).fix)
