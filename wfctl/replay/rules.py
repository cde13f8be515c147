"""Rules by id, as reports name them; the catalogue says what they mean."""

from __future__ import annotations

from dataclasses import dataclass

from wfctl.replay import catalogue


@dataclass(frozen=True, slots=True)
class Rule:
    id: str
    name: str
    summary: str
    explanation: str = ""
    fix: str = ""


UNREGISTERED = "unregistered"
TIMEOUT = "timed-out"
EXITED = "process-exited"
BAD_HISTORY = "bad-history"
INFRASTRUCTURE = "infrastructure"


def rule(name: str) -> Rule:
    known = catalogue.rule(name)
    if known is None:
        return Rule(name, name, name)
    camel = "".join(word.capitalize() for word in name.split("-"))
    return Rule(name, camel, known.title, f"{known.cause} {known.explanation}", known.fix)
