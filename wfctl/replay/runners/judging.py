"""From a runner's verdict to findings: what the SDK's message tells, filled in from the history.

The verdict is the SDK's. A rule is named only where message and history leave no doubt.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from temporalio.api.history.v1 import HistoryEvent

from wfctl.replay import commands, source
from wfctl.replay.catalogue import RULES
from wfctl.replay.classify import NOUNS
from wfctl.replay.diagnosis import Diagnosis
from wfctl.replay.model import Aligned, Command, Finding, Location, Severity, Verdict
from wfctl.replay.reading import CLOSING, ReadHistory
from wfctl.replay.runners import failures, parting
from wfctl.replay.runners.failures import Parted
from wfctl.replay.runners.parting import Parting
from wfctl.replay.runners.protocol import Answer

_CONTEXT = 3
_PLAIN_RULES = {
    Verdict.UNREGISTERED: "unregistered",
    Verdict.DECODE_ERROR: "payload-undecodable",
    Verdict.WORKFLOW_ERROR: "workflow-raised",
    Verdict.BAD_HISTORY: "bad-history",
    Verdict.INFRASTRUCTURE: "infrastructure",
    Verdict.TIMEOUT: "deadlock",
}


def diagnose(answer: Answer, history: ReadHistory, project: str) -> Diagnosis:
    """The verdict on one history that a runner replayed."""
    if answer.verdict is Verdict.COMPATIBLE:
        return Diagnosis(Verdict.COMPATIBLE, judged_to_event_id=reach(history.events))
    verdict = _refined(answer)
    cause = (
        _nondeterminism(answer, history, project)
        if verdict is Verdict.NONDETERMINISM
        else _plain(answer, verdict, history)
    )
    cause = replace(cause, location=answer.location or cause.location or _location(_stack(answer), project))
    if cause.location is None and verdict in (Verdict.NONDETERMINISM, Verdict.WORKFLOW_ERROR, Verdict.TIMEOUT):
        cause = replace(cause, location=parting.last_place(_placed(answer.made, project)))
    if cause.location is not None:
        cause = replace(cause, location=replace(cause.location, text=source.line_text(cause.location)))
    return Diagnosis(verdict, cause.message, (cause,), min(cause.event_id, len(history.events)))


def reach(events: Sequence[HistoryEvent]) -> int:
    """How far a replay of this history can compare: to its end, or past the last completed workflow task of an open run."""
    if events[-1].event_type in CLOSING:
        return len(events)
    completed = next(
        (one for one in reversed(events) if one.HasField("workflow_task_completed_event_attributes")), None
    )
    if completed is None:
        return 0
    last = completed.event_id
    while last < len(events) and commands.recorded(events[last], commands.Names()) is not None:
        last += 1
    return last


def _refined(answer: Answer) -> Verdict:
    if answer.verdict is Verdict.WORKFLOW_ERROR:
        if failures.is_decoding(answer.message):
            return Verdict.DECODE_ERROR
        if "[TMPRL1101]" in answer.message or "otential deadlock" in answer.message:
            return Verdict.TIMEOUT
        if failures.is_version(answer.message):
            return Verdict.NONDETERMINISM
    return answer.verdict


def _plain(answer: Answer, verdict: Verdict, history: ReadHistory) -> Finding:
    rule = _PLAIN_RULES[verdict]
    event_id, event_type = answer.event_id, answer.event_type
    message = failures.sentence(answer.message)
    if verdict is Verdict.UNREGISTERED:
        event_id, message = 1, f"the code has no workflow type '{history.workflow_type}'"
    elif verdict is Verdict.WORKFLOW_ERROR:
        message = f"the code raises: {message}"
    elif verdict is Verdict.DECODE_ERROR and answer.patches is not None and not answer.made:
        event_id = event_id or 1  # nothing was done yet, so it is the workflow's own input
    if event_id and not event_type:
        event_type = _type(history, event_id)
    return Finding(rule, Severity.ERROR, message, event_id, event_type, fix=fix(rule))


# Nondeterminism


def _nondeterminism(answer: Answer, history: ReadHistory, project: str) -> Finding:
    told = failures.parted(answer.message)
    if answer.event_id or answer.command is not None:
        told = replace(told, event_id=answer.event_id or told.event_id, produced=answer.command or told.produced)
    made = _commands(history.events)
    recorded = _found(told, made) or _version_of(told, history.events)
    place = None
    if not (told.rule or failures.is_version(answer.message)):
        told, recorded, place = _with_commands(told, recorded, history, answer, project)
    event_id = recorded.event_id if recorded is not None else told.event_id
    event_type = answer.event_type or _type(history, event_id)
    rule = told.rule or _rule(told, recorded, made)
    return Finding(
        rule,
        Severity.ERROR,
        _sentence(told, recorded, event_id, event_type, failures.sentence(answer.message)),
        event_id,
        event_type,
        place,
        recorded=recorded,
        produced=told.produced,
        diff=_diff(told, recorded, made),
        fix=fix(rule),
    )


def _with_commands(
    told: Parted, recorded: Command | None, history: ReadHistory, answer: Answer, project: str
) -> tuple[Parted, Command | None, Location | None]:
    """What the commands that the code was seen to make add to the message: the first difference, its rule, its line."""
    made, produced = _commands(history.events), _placed(answer.made, project)
    found = parting.parting(made, produced) if produced else None
    at = recorded.event_id if recorded is not None else told.event_id
    if found is not None and found.recorded is not None:
        at = min(at or found.recorded.event_id, found.recorded.event_id)
    gone = _patch_gone(history.events, at, answer.patches)
    if gone is not None:
        told = replace(told, produced=None, nothing_produced=True, rule="patch-removed-too-early")
        return told, gone, parting.last_place(produced)
    if recorded is not None and not (parting.comparable(recorded) or recorded.kind in commands.ENDS):
        waits = told.nothing_produced and _signal_gone(history.events[: recorded.event_id], parting.files_of(produced))
        rule = "signal-handler-changed" if waits else told.rule
        return replace(told, rule=rule), recorded, parting.last_place(produced) if waits else None
    if found is None:
        return told, recorded, None
    if recorded is not None and (found.recorded is None or found.recorded.event_id > recorded.event_id):
        return told, recorded, None  # the SDK saw a difference that these lists do not hold
    if found.produced is None:
        return _silent(told, recorded, found, history.events, parting.files_of(produced))
    told = replace(told, produced=found.produced, nothing_produced=False, rule=found.rule)
    return told, found.recorded or recorded, found.location


def _silent(
    told: Parted, recorded: Command | None, found: Parting, events: Sequence[HistoryEvent], files: set[str]
) -> tuple[Parted, Command | None, Location | None]:
    """The code makes no further command: it ends there, or it waits for what history did not."""
    here = found.recorded
    assert here is not None
    if told.produced is not None:
        is_end = here.kind in commands.ENDS
        return replace(told, rule="" if is_end else found.rule or "branch-changed"), here, found.location
    rule = found.rule or "wait-changed"
    if rule == "wait-changed" and _signal_gone(events[: here.event_id], files):
        rule = "signal-handler-changed"
    return replace(told, nothing_produced=True, rule=rule), here, found.location


def _signal_gone(events: Sequence[HistoryEvent], files: set[str]) -> bool:
    """Was there a signal of which the code's files do not even have the name?"""
    names = {
        event.workflow_execution_signaled_event_attributes.signal_name
        for event in events
        if event.HasField("workflow_execution_signaled_event_attributes")
    }
    return bool(files) and any(not parting.has_word(file, name) for name in names for file in files)


def _patch_gone(events: Sequence[HistoryEvent], event_id: int, asked: frozenset[str] | None) -> Command | None:
    """The last version that the history has by then and the code did not ask for, where it is known what it asked for."""
    if asked is None:
        return None
    before = [one for event in events[: event_id or None] if (one := _version(event)) is not None]
    return next((one for one in reversed(before) if one.name not in asked), None)


def _version_of(told: Parted, events: Sequence[HistoryEvent]) -> Command | None:
    """The first marker of the version that a message names."""
    if told.recorded is None or told.recorded.kind != commands.PATCH:
        return None
    markers = (one for event in events if (one := _version(event)) is not None)
    return next((one for one in markers if one.name == told.recorded.name), None)


def _version(event: HistoryEvent) -> Command | None:
    """The marker of a GetVersion, which Go and Java write alike but for the name of its detail."""
    marker = event.marker_recorded_event_attributes
    if marker.marker_name != "Version":
        return None
    payloads = [
        one for key in ("change-id", "changeId") if key in marker.details for one in marker.details[key].payloads
    ]
    try:
        name = str(json.loads(payloads[0].data))
    except (IndexError, ValueError):
        return None
    return Command(commands.PATCH, name, "", event.event_id, commands.event_name(event))


def _placed(made: Sequence[Command], project: str) -> list[Command]:
    """Commands with their files as they are shown; a place outside of the project is none."""
    return [replace(one, location=_in_project(one.location, project)) for one in made]


def _in_project(place: Location | None, project: str) -> Location | None:
    if place is None:
        return None
    name = os.path.abspath(place.file) if os.path.exists(place.file) else place.file
    file = _file_in(name, place.function, project)
    return replace(place, file=file) if file is not None else None


def _commands(events: Sequence[HistoryEvent]) -> list[Command]:
    names = commands.Names()
    return [made for event in events if (made := commands.recorded(event, names)) is not None]


def _found(told: Parted, made: Sequence[Command]) -> Command | None:
    """The history's command that the message means: by event id, or as the only one that fits its description."""
    if told.event_id:
        return next((one for one in made if one.event_id == told.event_id), None)
    wanted = told.recorded
    if wanted is None:
        return None
    kinds = (wanted.kind,) if wanted.kind != commands.MARKER else (commands.MARKER, commands.LOCAL_ACTIVITY)
    fitting = [one for one in made if one.kind in kinds and wanted.name in ("", one.name) and wanted.id in ("", one.id)]
    return fitting[0] if len(fitting) == 1 or (wanted.kind == commands.PATCH and fitting) else None


def _rule(told: Parted, recorded: Command | None, made: Sequence[Command]) -> str:
    produced = told.produced
    if recorded is not None and recorded.kind == commands.PATCH and told.nothing_produced:
        return "patch-removed-too-early"
    if recorded is not None and produced is None and told.nothing_produced:
        return _of_noun(recorded, "removed")
    if produced is None:
        return "nondeterminism"
    if told.nothing_recorded:
        return _of_noun(produced, "added")
    if recorded is None:
        return "nondeterminism"
    if produced.kind in commands.ENDS:
        if recorded.kind not in commands.ENDS:
            return _of_noun(recorded, "removed")
        return _of_ends(recorded, produced)
    if recorded.kind == produced.kind:
        return _of_one_kind(recorded, produced, made)
    if not _comes_later(produced, recorded, made):
        return _of_noun(produced, "added")
    return "nondeterminism"


def _of_noun(one: Command, what: str) -> str:
    rule = f"{NOUNS.get(one.kind, '')}-{what}"
    return rule if rule in RULES else "nondeterminism"


def _of_ends(recorded: Command, produced: Command) -> str:
    return (
        "continue-as-new-changed" if commands.CONTINUE in (recorded.kind, produced.kind) else "workflow-outcome-changed"
    )


def _of_one_kind(recorded: Command, produced: Command, made: Sequence[Command]) -> str:
    """An id that changed is certain; a type that changed may be another name, or another command in between."""
    if recorded.kind == commands.CHILD and produced.id and produced.id not in (one.id for one in made):
        return "child-id-changed"
    return "nondeterminism"


def _comes_later(produced: Command, recorded: Command, made: Sequence[Command]) -> bool:
    """Does history have such a command at that point or after it; what a message leaves out may be any."""
    return any(
        one.kind == produced.kind and produced.name in ("", one.name)
        for one in made
        if one.event_id >= recorded.event_id
    )


def _sentence(told: Parted, recorded: Command | None, event_id: int, event_type: str, message: str) -> str:
    about = f" '{recorded.name}'" if recorded is not None and recorded.name else ""
    parts = []
    if event_id:
        parts.append(f"event {event_id} is {event_type}{about}")
    if told.produced is not None:
        name = told.produced.name or told.produced.id
        parts.append(f"the code made {told.produced.kind}" + (f" '{name}'" if name else ""))
    elif told.nothing_produced:
        parts.append("the code made no command")
    return ", but ".join(parts) + ("\n" if parts else "") + message


def _diff(told: Parted, recorded: Command | None, made: Sequence[Command]) -> tuple[Aligned, ...]:
    if recorded is None:
        return (Aligned(None, told.produced),) if told.produced is not None else ()
    before = [one for one in made if one.event_id < recorded.event_id][-_CONTEXT:]
    produced = (Aligned(None, told.produced),) if told.produced is not None else ()
    return (*(Aligned(one, one) for one in before), Aligned(recorded, None), *produced)


def _type(history: ReadHistory, event_id: int) -> str:
    return commands.event_name(history.events[event_id - 1]) if 0 < event_id <= len(history.events) else ""


def fix(rule: str) -> str:
    """The catalogue's fixes are written in Python; what they say in words holds for every language."""
    if rule in _FIXES:
        return _FIXES[rule]
    text = RULES[rule].fix if rule in RULES else ""
    return _GATE if any(sign in text for sign in _PYTHON) else text


_PYTHON = ("workflow.patched(", "workflow.deprecate_patch(", "@workflow.", "@activity.", "workflow.now(")
_GATE = (
    "Guard the change so that runs which are already under way keep their old path: patched(…) in TypeScript, "
    "workflow.GetVersion(…) in Go, Workflow.getVersion(…) in Java. Or leave those runs on the old code (worker versioning, "
    "pinned), or reset them to before the change."
)
_FIXES = {
    "unregistered": "Keep the recorded name, or name the target that has the workflow.",
    "nondeterminism": _GATE,
}


# Places

_FRAMES = (
    re.compile(
        r"^\s*at (?:async )?(?:(?P<function>[^\s(]+) \()?(?:file://)?(?P<file>/[^():]+):(?P<line>\d+):\d+\)?", re.M
    ),
    re.compile(r"^(?P<function>\S+)\([^\n]*\)\n\s+(?P<file>/[^\s:]+\.go):(?P<line>\d+)", re.M),
    re.compile(r"^\s*at (?:\S+/)?(?P<function>[\w.$]+)\((?P<file>\w+\.(?:java|kt)):(?P<line>\d+)\)", re.M),
)
_NOT_THEIRS = ("/node_modules/", "/pkg/mod/", "/vendor/")


def _stack(answer: Answer) -> str:
    return answer.stack or failures.core_stack(answer.message)


def _location(stack: str, project: str) -> Location | None:
    """The first frame that is the project's own."""
    for frames in _FRAMES:
        for frame in frames.finditer(stack):
            file = _file_in(frame["file"], frame["function"] or "", project)
            if file is not None:
                return Location(file, int(frame["line"]), (frame["function"] or "").rpartition("/")[2])
    return None


def _file_in(name: str, function: str, project: str) -> str | None:
    if not name.startswith("/"):
        package = function.replace(".", "/").rpartition("/")[0].rpartition("/")[0]
        found = next((str(one) for one in Path(project).glob(f"src/*/*/{package}/{name}")), None)
        if found is None:
            return None
        name = found
    real, root = os.path.realpath(name), os.path.realpath(project)
    if not real.startswith(root + os.sep) or any(part in real for part in _NOT_THEIRS) or not os.path.exists(real):
        return None
    here = os.path.realpath(os.getcwd())
    return os.path.relpath(real, here) if real.startswith(here + os.sep) else real
