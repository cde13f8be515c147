"""How fresh a corpus is, and what of the code it covers: types, outcomes, command kinds, patches on both sides, lines."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from wfctl.replay import commands
from wfctl.replay.corpus.shape import Shape
from wfctl.replay.lint.bodies import Body, Unit
from wfctl.replay.lint.reach import Reached
from wfctl.replay.model import Location
from wfctl.replay.mutation.sites import statements
from wfctl.replay.mutation.trial import Outcome

Reader = Callable[[Unit], Body]

_W = "temporalio.workflow."
# Command kinds as the shape of a history names them, by the call that makes them.
_KINDS = {
    "activity": commands.ACTIVITY,
    "local_activity": commands.LOCAL_ACTIVITY,
    "child_workflow": commands.CHILD,
    "sleep": commands.TIMER,
    "continue_as_new": commands.CONTINUE,
    "upsert_search_attributes": commands.UPSERT,
    "upsert_memo": commands.MEMO,
}


@dataclass(slots=True)
class Patch:
    """One patch of the code, and which answers the histories gave."""

    id: str
    location: Location
    deprecated: bool = False
    answers: set[bool] = field(default_factory=set)

    @property
    def lacking(self) -> list[str]:
        """The sides that no history takes."""
        if self.deprecated:
            return [] if self.answers else ["deprecated"]
        return [name for answer, name in ((True, "patched"), (False, "not patched")) if answer not in self.answers]


@dataclass(slots=True)
class OfType:
    """One workflow type."""

    name: str
    histories: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    newest: str = ""
    oldest: str = ""
    sdks: set[str] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)
    kinds_lacking: list[str] = field(default_factory=list)
    patches: list[Patch] = field(default_factory=list)
    statements: int = 0
    replayed: int = 0
    never_replayed: list[tuple[str, int, int]] = field(default_factory=list)
    """File, first line, last line."""

    @property
    def coverage(self) -> float:
        return 100.0 * self.replayed / self.statements if self.statements else 100.0


@dataclass(slots=True)
class Status:
    types: list[OfType] = field(default_factory=list)
    unknown_types: list[str] = field(default_factory=list)
    """Types that histories have and the code does not."""
    failing: list[tuple[str, str]] = field(default_factory=list)
    lines_known: bool = True


def status(workflows: Sequence[Reached], read: Reader, shapes: Iterable[Shape], outcome: Outcome) -> Status:
    """What is covered."""
    found = Status(lines_known=bool(outcome.lines))
    by_type: dict[str, list[Shape]] = {}
    for shape in shapes:
        by_type.setdefault(shape.workflow_type, []).append(shape)
    for workflow in sorted(workflows, key=lambda one: one.workflow_type):
        found.types.append(_of_type(workflow, read, by_type.get(workflow.workflow_type, []), outcome))
    known = {workflow.workflow_type for workflow in workflows}
    found.unknown_types = sorted(set(by_type) - known)
    found.failing = [
        (one.history, f"{one.verdict.value}: {one.detail}") for one in outcome.judged if not one.verdict.passes
    ]
    return found


def _of_type(workflow: Reached, read: Reader, shapes: Sequence[Shape], outcome: Outcome) -> OfType:
    one = OfType(workflow.workflow_type, len(shapes), Counter(shape.outcome for shape in shapes))
    dates = sorted(shape.started for shape in shapes if shape.started)
    one.oldest, one.newest = (dates[0], dates[-1]) if dates else ("", "")
    one.sdks = {shape.sdk for shape in shapes if shape.sdk}
    one.kinds = {kind for shape in shapes for step in shape.path for kind in _kinds_in(step)}
    one.kinds_lacking = sorted(_kinds_of(workflow, read) - one.kinds)
    one.patches = _patches(workflow, read, outcome)
    for file, lines in statements(workflow).items():
        hit = outcome.lines.get(file, set())
        missed = [
            (first, last)
            for first, last in sorted(lines.items())
            if not any(at in hit for at in range(first, last + 1))
        ]
        one.statements += len(lines)
        one.replayed += len(lines) - len(missed)
        one.never_replayed += [(file, first, last) for first, last in _joined(missed, sorted(lines))]
    return one


def _kinds_in(step: str) -> list[str]:
    return [part.strip("(").split(" ")[0].rstrip(")+") for part in step.split(", ")]


def _kinds_of(workflow: Reached, read: Reader) -> set[str]:
    """The kinds of commands that the code makes."""
    kinds: set[str] = set()
    for unit in workflow.units:
        for node, call in read(unit).calls:
            if isinstance(call, str):
                kinds.add(_kind(call, node))
    return kinds - {""}


def _kind(called: str, node: ast.AST) -> str:
    name = called.removeprefix(_W)
    if called in ("asyncio.sleep", "asyncio.wait_for"):
        return commands.TIMER
    if name == "wait_condition":
        timed = isinstance(node, ast.Call) and any(keyword.arg == "timeout" for keyword in node.keywords)
        return commands.TIMER if timed else ""
    for verb in ("execute_", "start_"):
        if name.startswith(verb):
            name = name.removeprefix(verb)
    for suffix in ("_method", "_class"):
        name = name.removesuffix(suffix)
    return _KINDS.get(name, "")


def _patches(workflow: Reached, read: Reader, outcome: Outcome) -> list[Patch]:
    found: dict[str, Patch] = {}
    for unit in workflow.units:
        for patch in read(unit).patches:
            place = unit.module.location(patch.line, unit.name)
            known = found.setdefault(patch.id, Patch(patch.id, place, patch.deprecated))
            known.deprecated = known.deprecated and patch.deprecated
            known.answers = outcome.patches.get(patch.id, set())
    return list(found.values())


def _joined(missed: Sequence[tuple[int, int]], firsts: Sequence[int]) -> list[tuple[int, int]]:
    """Neighbouring statements as one range."""
    ranges: list[tuple[int, int]] = []
    following = dict(zip(firsts, [*firsts[1:], 0], strict=True))
    previous = 0
    for first, last in missed:
        if ranges and following.get(previous) == first:
            ranges[-1] = (ranges[-1][0], max(last, ranges[-1][1]))
        else:
            ranges.append((first, last))
        previous = first
    return ranges


def age_days(started: str, now: datetime) -> float | None:
    """How old a history is."""
    if not started:
        return None
    return (now - datetime.fromisoformat(started)).total_seconds() / 86400


def as_json(found: Status, now: datetime) -> dict[str, Any]:
    return {
        "types": [_type_json(one, now) for one in found.types],
        "unknown_types": found.unknown_types,
        "failing": [{"history": name, "detail": detail} for name, detail in found.failing],
        "lines_known": found.lines_known,
    }


def _type_json(one: OfType, now: datetime) -> dict[str, Any]:
    age = age_days(one.newest, now)
    return {
        "type": one.name,
        "histories": one.histories,
        "outcomes": dict(sorted(one.outcomes.items())),
        "oldest": one.oldest or None,
        "newest": one.newest or None,
        "newest_age_days": None if age is None else round(age, 1),
        "sdk_versions": sorted(one.sdks),
        "command_kinds": sorted(one.kinds),
        "command_kinds_lacking": one.kinds_lacking,
        "patches": [
            {
                "id": patch.id, "file": patch.location.file, "line": patch.location.line,
                "deprecated": patch.deprecated, "lacking": patch.lacking,
            }
            for patch in one.patches
        ],
        "statements": one.statements,
        "statements_replayed": one.replayed,
        "coverage": round(one.coverage, 1),
        "never_replayed": [{"file": file, "from": first, "to": last} for file, first, last in one.never_replayed],
    }  # fmt: skip
