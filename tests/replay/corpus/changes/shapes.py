"""What a changed version of a workflow is, and what is expected of it: an `Outcome` for each history that it breaks.

What is expected is told without the checker: an `Outcome` names the event by its type and name ("the first
ActivityTaskScheduled of charge"), the rule, and the line of the new code. The first outcome whose event a history has is
expected of it; a history that has none of them fits, with exactly the warnings that are named.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    at: str
    """`EventType [name] [#n]`"""
    rule: str
    line: str
    """What the reported line holds."""
    verdict: str = "nondeterminism"
    only: tuple[str, ...] = ()
    """Histories this outcome is meant for; all when empty."""


@dataclass(frozen=True)
class Warned:
    at: str
    rule: str
    only: tuple[str, ...] = ()


@dataclass(frozen=True)
class Change:
    name: str
    module: str
    edits: tuple[tuple[str, str] | tuple[str, str, str], ...]
    """What is replaced by what; in a package, in which of its files."""
    outcomes: tuple[Outcome, ...] = ()
    warned: tuple[Warned, ...] = ()
    histories: str = ""
    """Glob of the histories it is tried on, when not those of the module."""


ACTIVITY, TIMER, CHILD = "ActivityTaskScheduled", "TimerStarted", "StartChildWorkflowExecutionInitiated"
COMPLETED, FAILED, TASK = "WorkflowExecutionCompleted", "WorkflowExecutionFailed", "WorkflowTaskCompleted"
CALL = "start_to_close_timeout=SHORT)"


def act(name: str, argument: str) -> str:
    return f"await workflow.execute_activity(activities.{name}, {argument}, {CALL}"


AUDIT = act("audit", '"x"')
