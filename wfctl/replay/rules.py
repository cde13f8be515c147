"""Rules by id, as reports name them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    id: str
    name: str
    summary: str
    explanation: str = ""
    fix: str = ""


UNREGISTERED = "WR200"
TIMEOUT = "WR500"
EXITED = "WR501"
BAD_HISTORY = "WR600"
INFRASTRUCTURE = "WR700"

_RULES = {
    one.id: one
    for one in (
        Rule("WR100", "Nondeterminism", "The code's commands differ from history's"),
        Rule(UNREGISTERED, "UnregisteredType", "The code has no workflow of this type"),
        Rule("WR300", "DecodeError", "A payload could not be decoded"),
        Rule("WR400", "WorkflowError", "The workflow's code raised where history went on"),
        Rule(TIMEOUT, "Timeout", "The replay did not end in time"),
        Rule(EXITED, "ProcessExited", "The code ended the process it ran in"),
        Rule(BAD_HISTORY, "BadHistory", "The history cannot be judged"),
        Rule(INFRASTRUCTURE, "Infrastructure", "The check itself had trouble"),
    )
}


def rule(name: str) -> Rule:
    return _RULES.get(name) or Rule(name, name, name)
