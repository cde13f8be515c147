"""Which rule a divergence falls under: from the two command sequences, and hints of the source.

The table of questions, asked in this order: is a patch in the way, did the code wait or raise, is one side merely
missing, did the two change places, is it the same command under another name. Where the sequences allow more than one
answer the source decides: a recorded activity that the code still mentions was not removed.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from wfctl.replay import alignment as aligning
from wfctl.replay import causes, codebase, commands, source
from wfctl.replay.alignment import Alignment, Divergence
from wfctl.replay.codebase import Codebase
from wfctl.replay.model import Command, Location
from wfctl.replay.source import Site, Source
from wfctl.replay.trace import CodeLike, Trace

NOUNS = {
    commands.ACTIVITY: "activity",
    commands.LOCAL_ACTIVITY: "local-activity",
    commands.TIMER: "timer",
    commands.CHILD: "child",
    commands.SIGNAL_EXTERNAL: "signal",
    commands.CANCEL_TIMER: "cancel",
    commands.CANCEL_ACTIVITY: "cancel",
    commands.CANCEL_EXTERNAL: "cancel",
    commands.CANCEL_NEXUS: "cancel",
    commands.UPSERT: "attributes",
    commands.MEMO: "attributes",
    commands.NEXUS: "nexus",
}
_WORDS = {
    commands.TIMER: ("sleep", "timeout", "wait_for"),
    commands.UPSERT: ("upsert_search_attributes",),
    commands.MEMO: ("upsert_memo",),
    commands.CANCEL_TIMER: ("cancel",),
    commands.CANCEL_ACTIVITY: ("cancel",),
    commands.CANCEL_EXTERNAL: ("cancel",),
    commands.CANCEL_NEXUS: ("cancel",),
}
_UUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# The SDK takes one of these for the next of its kind (or type), whatever it says.
_INTERCHANGEABLE = frozenset(
    {commands.TIMER, commands.ACTIVITY, commands.SIGNAL_EXTERNAL, commands.UPSERT, commands.MEMO}
)
_BRINGING = frozenset(
    {
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
        EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
        EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED,
        EventType.EVENT_TYPE_MARKER_RECORDED,
    }
)
_UPDATES = frozenset({commands.ACCEPT_UPDATE, commands.COMPLETE_UPDATE})


@dataclass(slots=True)
class Verdict:
    """A divergence with its name."""

    rule: str
    event_id: int
    event_type: str
    recorded: Command | None
    produced: Command | None
    location: Location | None
    note: str = ""
    sites: tuple[Site, ...] = ()
    """Where the source mentions what the history holds."""


@dataclass(slots=True)
class Case:
    """Everything a classification looks at."""

    events: Sequence[HistoryEvent]
    trace: Trace
    alignment: Alignment
    divergence: Divergence
    ours: list[Command]
    """The history's commands from the divergence on, to the end."""
    theirs: list[Command]
    """The code's commands from the divergence on, in its task."""
    source: Source | None
    location: Location | None
    frames: tuple[Location, ...]
    """The user's frames at the divergence, the innermost first."""
    code: Codebase


def classify(
    events: Sequence[HistoryEvent],
    trace: Trace,
    alignment: Alignment,
    divergence: Divergence,
    code: CodeLike | None = None,
) -> Verdict:
    case = case_of(events, trace, alignment, divergence, code)
    return _with_dependence(case, _shifted(case) or _named(case))


def case_of(
    events: Sequence[HistoryEvent], trace: Trace, alignment: Alignment, divergence: Divergence, code: CodeLike | None
) -> Case:
    segment = divergence.segment
    ours = [] if divergence.recorded is None else alignment.recorded_from(divergence.recorded, events)
    if divergence.recorded is None:
        ours = alignment.recorded_after(aligning.end_of(segment), events)
    theirs = [one for one in segment.produced if one.kind != commands.LOCAL_ACTIVITY][divergence.index :]
    base = codebase.of(_files(events, trace, code))
    frames = divergence.produced.frames if divergence.produced is not None else ()
    location = divergence.produced.location if divergence.produced is not None else None
    if divergence.produced is None:
        frames = _waiting(segment.task.waiting, ours, base)
        location = codebase.naming(frames, ours[0].name if ours and named_kind(ours[0]) else "") if frames else None
        location = segment.task.failed_at or location
    if location is None:
        location = _latest(alignment, divergence)
    parsed = source.source_of(location)
    return Case(events, trace, alignment, divergence, ours, theirs, parsed, location, frames, base)


def _files(events: Sequence[HistoryEvent], trace: Trace, code: CodeLike | None) -> set[str]:
    """Where the code at hand begins: the workflow's own file, and all that made commands or waits."""
    files = {place.file for task in trace.tasks for made in task.commands for place in made.places}
    files |= {place.file for task in trace.tasks for frames in task.waiting for place in frames}
    kind = events[0].workflow_execution_started_event_attributes.workflow_type.name
    for one in code.workflows if code is not None else ():
        name = getattr(getattr(one, "__temporal_workflow_definition", None), "name", None)
        file = getattr(sys.modules.get(one.__module__), "__file__", None)
        if file and name in (kind, None):
            files.add(file)
    return files


def _waiting(waits: Sequence[tuple[Location, ...]], ours: Sequence[Command], base: Codebase) -> tuple[Location, ...]:
    """The frames of the coroutine that should have gone on: one that the recorded command is still ahead of, or the run."""
    if not waits:
        return ()
    sites = base.mentions(ours[0].name) if ours and ours[0].name and named_kind(ours[0]) else []
    near = [frames for frames in waits if any(codebase.enclosing(site, frames) for site in sites)]
    return (near or waits)[0]


def _latest(alignment: Alignment, divergence: Divergence) -> Location | None:
    """The last line that made a command, when nothing else can be shown."""
    earlier = [*alignment.before(divergence.segment), *divergence.segment.produced]
    return next((one.location for one in reversed(earlier) if one.location is not None), None)


def _named(case: Case) -> Verdict:
    ours, theirs = case.divergence.recorded, case.divergence.produced
    patch = _patch(case) if any(one is not None and one.kind == commands.PATCH for one in (ours, theirs)) else None
    lost = _lost_signal(case) if case.divergence.segment.task.failure is None else ""
    if patch is not None and (not lost or patch.rule != "patch-moved"):
        return patch
    if lost:
        return replace(_verdict(case, "signal-handler-changed"), note=f"no handler takes the signal '{lost}'")
    if theirs is None:
        return _absent(case)
    if ours is None:
        return _surplus(case)
    if commands.ACCEPT_UPDATE in (ours.kind, theirs.kind) or {ours.kind, theirs.kind} <= _UPDATES:
        return _verdict(case, "update-handler-changed")
    if ours.kind in commands.ENDS and theirs.kind in commands.ENDS:
        changed = commands.CONTINUE in (ours.kind, theirs.kind)
        return _verdict(case, "continue-as-new-changed" if changed else "workflow-outcome-changed")
    return _both(case, ours, theirs)


# One side is missing


def _absent(case: Case) -> Verdict:
    """History has a command, the code made none: it raised, waits, or has lost a line."""
    ours = case.divergence.recorded
    assert ours is not None
    task = case.divergence.segment.task
    if task.failure is not None:
        return _verdict(case, "workflow-raised")
    if ours.kind in _UPDATES:
        return _verdict(case, "update-handler-changed")
    sites = _mentions(case, ours)
    local = next((one for one in case.divergence.segment.produced if _is_new_local(case, one)), None)
    if local is not None and (sites or not named_kind(ours)):
        return replace(_verdict(case, "local-activity-added"), produced=local, location=local.location)
    if ours.kind in commands.ENDS or _still_there(case, ours, sites):
        return replace(_verdict(case, "wait-changed"), sites=tuple(sites))
    return _verdict(case, _removed(ours))


def _still_there(case: Case, ours: Command, sites: Sequence[Site]) -> bool:
    """Is the recorded command still ahead of where the code waits? Then the wait is what is new."""
    if ours.kind in (commands.ACTIVITY, commands.CHILD, commands.SIGNAL_EXTERNAL):
        return _may_follow(case, sites)
    return _is_ahead(case, ours)


def _is_ahead(case: Case, ours: Command) -> bool:
    """Are there as many calls of that kind after this line as the history still has?"""
    words = _WORDS.get(ours.kind, ())
    if not words:
        return False
    sites = {(site.file, site.line): site for word in words for site in case.code.mentions(word)}
    ahead = [site for site in sites.values() if codebase.may_follow(case.code, case.frames, site)]
    if any(codebase.comes_often(case.code, site) for site in ahead):
        return True
    return len(ahead) >= sum(1 for one in case.ours if one.kind == ours.kind)


def _is_new_local(case: Case, one: Command) -> bool:
    if one.kind != commands.LOCAL_ACTIVITY:
        return False
    numbers = {
        made.id
        for segment in case.alignment.segments
        for made in segment.recorded
        if made.kind == commands.LOCAL_ACTIVITY
    }
    later = {made.id for made in case.ours if made.kind == commands.LOCAL_ACTIVITY}
    return one.id not in numbers | later


def _lost_signal(case: Case) -> str:
    """A signal that the history got by now and the code has no handler for."""
    known, theirs = case.trace.signals, case.divergence.produced
    if known is None:
        return ""
    sent = [event for event in case.events[: case.divergence.at_event_id] if _signal_name(event) not in ("", *known)]
    if not sent:
        return ""
    # Signals that no handler ever took are about as well: what is plainly new elsewhere has nothing to do with them.
    tasks = [one.task.started_event_id for one in case.alignment.segments]
    first = next((started for started in tasks if started > sent[-1].event_id), 0)
    at_once = case.divergence.segment.task.started_event_id <= first or _signal_name(sent[-1]) in case.code.calls
    if not at_once and theirs is not None and named_kind(theirs) and not _is_recorded(case, theirs.name):
        return ""
    return _signal_name(sent[-1])


def _signal_name(event: HistoryEvent) -> str:
    return event.workflow_execution_signaled_event_attributes.signal_name


def _is_recorded(case: Case, name: str) -> bool:
    recorded = [*case.ours, *(one for segment in case.alignment.segments for one in segment.recorded)]
    return any(one.name == name for one in recorded)


def _surplus(case: Case) -> Verdict:
    """The code has a command where history has none in this task."""
    theirs = case.divergence.produced
    assert theirs is not None
    if theirs.kind in _UPDATES:
        return _verdict(case, "update-handler-changed")
    if theirs.kind in commands.ENDS:
        if theirs.kind == commands.CONTINUE:
            return _verdict(case, "continue-as-new-changed")
        following = case.ours[0] if case.ours else None
        if following is None:
            return _verdict(case, "workflow-outcome-changed")
        if following.kind in commands.ENDS:
            # The code ends the run in an earlier task: what it no longer waits for is a wait.
            return _verdict(case, "wait-changed")
        gone = not _mentions(case, following)
        return replace(
            _verdict(case, _removed(following) if gone else "branch-changed"),
            recorded=following,
        )
    if case.ours and _is_same_call(case.ours[0], theirs):
        # What history does later, the code does now: it no longer waits in between.
        return replace(_verdict(case, "wait-changed"), recorded=case.ours[0])
    if case.ours and is_among(case.ours, theirs):
        return replace(_verdict(case, _reordered(case.ours[0], theirs)), recorded=case.ours[0])
    return _verdict(case, _added(theirs))


# Both are there and do not match


def _both(case: Case, ours: Command, theirs: Command) -> Verdict:
    ours_later = is_among(case.theirs[1:], ours)
    theirs_later = is_among(case.ours[1:], theirs)
    sites = _mentions(case, ours)
    verdict = replace(_verdict(case, ""), sites=tuple(sites))
    if ours.kind == commands.CONTINUE and _was_made_before(case, theirs):
        return replace(verdict, rule="continue-as-new-changed")
    if ours.kind in commands.ENDS or ours.kind == commands.COMPLETE_UPDATE:
        return replace(verdict, rule=_added(theirs))
    if theirs.kind in commands.ENDS or theirs.kind == commands.COMPLETE_UPDATE:
        if _ends_otherwise(case, theirs):
            return replace(verdict, rule="workflow-outcome-changed")
        rule = "branch-changed" if _not_yet_made(case, sites) else _removed(ours)
        return replace(verdict, rule="continue-as-new-changed" if theirs.kind == commands.CONTINUE else rule)
    if ours.kind == theirs.kind == commands.TIMER:
        return _renumbered(verdict, ours, theirs)
    if ours.kind == theirs.kind == commands.CHILD:
        # Ids that the SDK draws shift along when another draw comes first: the next one's is no sign of an order.
        shifted = not (ours_later or theirs_later) or _arguments(ours) == _arguments(theirs) or _UUID.match(theirs.id)
        if ours.name == theirs.name and shifted:
            return replace(verdict, rule="child-id-changed")
        if ours.id == theirs.id:
            return replace(verdict, rule="child-renamed")
    if ours_later:
        return replace(verdict, rule=_reordered(ours, theirs) if theirs_later else _added(theirs))
    if _is_other_branch(case, sites):
        return replace(verdict, rule="branch-changed")
    if theirs_later:
        return replace(verdict, rule=_swapped_or_removed(case, ours, theirs, sites))
    if sites and not _may_follow(case, sites):
        skipped = [site for site in _not_yet_made(case, sites) if source.is_conditional(site)]
        return replace(verdict, rule="branch-changed" if skipped else _removed(ours))
    if ours.kind == theirs.kind and named_kind(ours):
        return replace(verdict, rule=_added_or_renamed(ours, theirs, sites))
    goes_on = bool(sites) if named_kind(ours) else _is_ahead(case, ours)
    return replace(verdict, rule=_added(theirs) if goes_on else _removed(ours))


def _may_follow(case: Case, sites: Sequence[Site]) -> bool:
    return any(codebase.may_follow(case.code, case.frames, site) for site in sites)


def _was_made_before(case: Case, theirs: Command) -> bool:
    """Has this very line made commands that history has? Then it is no new one: the code goes round once more."""
    return any(made.location == theirs.location for _, made in case.alignment.pairs)


def _ends_otherwise(case: Case, theirs: Command) -> bool:
    """Does the code return where the run failed in the end, or the other way round?"""
    end = case.ours[-1]
    closing = commands.ENDS - {commands.CONTINUE}
    return theirs.kind in closing and end.kind in closing - {theirs.kind}


def _renumbered(verdict: Verdict, ours: Command, theirs: Command) -> Verdict:
    """Timers are compared by number; one that started and ended within one task counts and leaves no event."""
    more = theirs.id.isdigit() and ours.id.isdigit() and int(theirs.id) > int(ours.id)
    note = f"it is timer {ours.id} in the history and timer {theirs.id} in the code"
    return replace(verdict, rule="timer-added" if more else "timer-removed", note=note)


def named_kind(one: Command) -> bool:
    """Kinds whose name stands in the source."""
    return one.kind in (commands.ACTIVITY, commands.CHILD, commands.SIGNAL_EXTERNAL, commands.LOCAL_ACTIVITY)


def _swapped_or_removed(case: Case, ours: Command, theirs: Command, sites: Sequence[Site]) -> str:
    """The history has the code's command later: was the recorded one dropped, skipped, or is it still to come?"""
    if not named_kind(ours):
        to_come = _is_ahead(case, ours) and not _is_beside(case, theirs)
        return _reordered(ours, theirs) if to_come else _removed(ours)
    if not sites:
        return _removed(ours)
    unmade = _not_yet_made(case, sites)
    if not unmade and not _is_computed(case) and not _comes_again(case, sites):
        return _removed(ours)  # as often as its line was reached, it was made: the loop ended sooner
    if _is_computed(case) or _may_follow(case, unmade or sites):
        return _reordered(ours, theirs)
    return "branch-changed"


def may_still_make(case: Case, one: Command) -> bool:
    """Is a line ahead that makes this command of the history's?"""
    return _may_follow(case, _mentions(case, one))


def _is_beside(case: Case, theirs: Command) -> bool:
    """Did history make both in one task, where the code makes only the one?"""
    return is_among(case.divergence.segment.recorded, theirs) and len(case.theirs) == 1


def _comes_again(case: Case, sites: Sequence[Site]) -> bool:
    """Does the code stand in a loop that leads to one of these lines once more?"""
    for site in sites:
        same = codebase.enclosing(site, case.frames)
        if same is not None and source.next_round(same[1], site):
            return True
    return False


def _not_yet_made(case: Case, sites: Sequence[Site]) -> list[Site]:
    """Of these places those that have made no command in this replay."""
    done = {
        (one.location.file, one.location.line)
        for segment in case.alignment.segments
        for one in segment.produced
        if one.location is not None
    }
    return [site for site in sites if not any((site.file, line) in done for line in site.lines())]


def _added_or_renamed(ours: Command, theirs: Command, sites: Sequence[Site]) -> str:
    noun = NOUNS[ours.kind]
    if sites:
        return f"{noun}-added"
    # A new name keeps its arguments; another call that comes to stand here does not.
    return f"{noun}-renamed" if _arguments(ours) == _arguments(theirs) else f"{noun}-removed"


def _arguments(one: Command) -> str:
    return dict(one.attributes).get("arguments", "")


def _is_same_call(one: Command, other: Command) -> bool:
    return (one.kind, one.name, _arguments(one)) == (other.kind, other.name, _arguments(other))


def _reordered(ours: Command, theirs: Command) -> str:
    if ours.kind == theirs.kind == commands.ACTIVITY:
        return "activity-reordered"
    return "child-reordered" if ours.kind == theirs.kind == commands.CHILD else "commands-reordered"


def is_among(made: Sequence[Command], one: Command) -> bool:
    """Is there the same thing, be its number another one."""
    if one.kind == commands.CHILD:
        return any((other.kind, other.name, other.id) == (one.kind, one.name, one.id) for other in made)
    if one.kind in commands.ENDS:
        return any(other.kind == one.kind for other in made)
    return any(_is_same_call(one, other) for other in made)


def _is_other_branch(case: Case, sites: Sequence[Site]) -> bool:
    """Do the recorded and the produced command lie in branches that exclude each other?

    A line that makes commands of a computed name (`execute_activity(step)`) says nothing of branches.
    """
    if case.source is None or case.location is None:
        return False
    here = case.source.at(case.location.line)
    if here is None or not sites or _is_computed(case):
        return False
    return all(source.exclusive(here, site) for site in sites)


def _is_computed(case: Case) -> bool:
    """Does the line at hand make a command whose name it does not spell?"""
    theirs = case.divergence.produced
    if theirs is None or case.source is None or not named_kind(theirs) or theirs.location is None:
        return False
    here = case.source.at(theirs.location.line)
    return here is not None and not case.code.spells(here.statement, theirs.name)


def _mentions(case: Case, one: Command) -> list[Site]:
    """Live statements that could still make this command: they spell its name, or compute one that may be it."""
    if not one.name or not named_kind(one):
        return []
    given = _arguments(one)
    sites = [site for site in case.code.mentions(one.name) if source.could_make(site, one.name, given)]
    sites = [site for site in sites if case.code.hands_on(site)]
    making = [site for site in sites if case.code.makes(site)]
    if making or not sites:
        return making or _computing(case, one)
    # The name is only handed on somewhere: it takes a line that makes commands of such names.
    return sites if any(case.code.makers()) else []


def _computing(case: Case, one: Command) -> list[Site]:
    """Statements that take the name from somewhere: a plan in the workflow's arguments, parts put together."""
    found: list[Site] = []
    for site in case.code.makers():
        for name in codebase.maker_names(site):
            parts = _parts(name, one.name)
            if (any(parts) and all(case.code.mentions(part) or _is_given(case, part) for part in parts)) or (
                not isinstance(name, ast.Constant | ast.JoinedStr) and _is_given(case, one.name)
            ):
                found.append(site)
    return found


def _parts(name: ast.expr, recorded: str) -> list[str]:
    """What must be known for a string of parts to give the recorded name."""
    if not isinstance(name, ast.JoinedStr):
        return []
    pattern = "".join(re.escape(str(one.value)) if isinstance(one, ast.Constant) else "(.*)" for one in name.values)
    match = re.fullmatch(pattern, recorded)
    return [part for part in match.groups() if part] if match else []


def _is_given(case: Case, word: str) -> bool:
    """Does the word come with the workflow's arguments, a signal, an update or a result, or as what one is called?"""
    text = f'"{word}"'.encode()
    for event in case.events:
        if event.event_type in _BRINGING and text in event.SerializeToString():
            return True
        if word in (_signal_name(event), event.workflow_execution_started_event_attributes.workflow_type.name):
            return True
    return False


# Patches


def _patch(case: Case) -> Verdict:
    ours = case.divergence.recorded
    asked = {name for parsed in case.code.sources for name in parsed.patches()}
    if ours is not None and ours.kind == commands.PATCH:
        if ours.name in asked or any(one.kind == commands.PATCH and one.name == ours.name for one in case.theirs):
            return _verdict(case, "patch-moved")
        unknown = _asked_instead(case)
        if unknown is None:
            return _verdict(case, "patch-removed-too-early")
        name, location = unknown
        return replace(_verdict(case, "patch-renamed"), location=location, note=f"the code asks for '{name}'")
    return _verdict(case, "patch-moved")


def _asked_instead(case: Case) -> tuple[str, Location] | None:
    """A patch that no history knows, asked for just before the line at hand: the recorded one under a new id."""
    recorded = {one.name for one in case.ours if one.kind == commands.PATCH}
    made = (one for segment in case.alignment.segments for one in segment.recorded)
    recorded |= {one.name for one in made if one.kind == commands.PATCH}
    found: list[tuple[str, Location]] = []
    for parsed in case.code.sources:
        for name, lines in parsed.patches().items():
            sites = [site for line in lines if (site := parsed.at(line)) is not None]
            if name not in recorded:
                found += [(name, Location(site.file, site.line)) for site in sites if _was_passed(case, site)]
    return found[-1] if found else None


def _was_passed(case: Case, asking: Site) -> bool:
    """Did the code come through this line on its way to where it is: in a frame's function, or one that it called?"""
    name = getattr(asking.function, "name", "")
    for frame in case.frames or (case.location,):
        parsed = source.source_of(frame)
        here = parsed.at(frame.line) if parsed is not None and frame is not None else None
        if parsed is None or here is None:
            continue
        if asking.function is here.function:
            if asking.line <= here.line or source.shared_loop(asking, here):
                return True
            continue
        before = [one for one in parsed.statements if one.function is here.function and one.line <= here.line]
        if name and any(case.code.leads_to(source.words(one.statement), name) for one in before):
            return True
    return False


# Earlier than it seems


def _shifted(case: Case) -> Verdict | None:
    """A new command that passed for the recorded one, being of the same kind: the later mismatch is its echo.

    Timers and activities are numbered. One more of the same type takes the next one's number, and the pair matches;
    only its attributes tell, once the code is seen to make, later, what the history had there, or to wait in it. One
    less shows the other way round: what was recorded next is made one number early.
    """
    if case.divergence.segment.task.failure is not None:
        return None
    return _shifted_in(case) or _shifted_out(case)


def _shifted_in(case: Case) -> Verdict | None:
    waiting = set(case.divergence.segment.task.waiting_at)
    for ours, theirs in case.alignment.pairs[-200:]:
        if ours.kind not in _INTERCHANGEABLE or not aligning.differences(ours, theirs):
            continue
        echoed = any(one.kind == ours.kind and _same_attributes(ours, one) for one in case.theirs)
        stuck = case.divergence.produced is None and ours.kind == commands.TIMER and theirs.location in waiting
        if echoed or stuck:
            shifted = _at_pair(case, _added(theirs), ours, theirs)
            if not any(theirs is early for _, early in case.alignment.early):
                return shifted
            home = next(one for one in case.alignment.segments if any(theirs is made for made in one.produced))
            return replace(shifted, event_id=home.completed_event_id, event_type="WorkflowTaskCompleted")
    return None


def _shifted_out(case: Case) -> Verdict | None:
    last = case.divergence.recorded
    if last is None or last.kind not in _INTERCHANGEABLE:
        return None
    first: tuple[Command, Command] | None = None
    for ours, theirs in reversed(case.alignment.pairs[-200:]):
        if ours.kind != last.kind or not aligning.differences(ours, theirs) or not _same_attributes(last, theirs):
            break
        first, last = (ours, theirs), ours
    return _at_pair(case, _removed(first[0]), *first) if first is not None else None


def _at_pair(case: Case, rule: str, ours: Command, theirs: Command) -> Verdict:
    note = f"the mismatch shows at event {case.divergence.at_event_id}"
    return Verdict(rule, ours.event_id, ours.event_type, ours, theirs, theirs.location, note)


def _same_attributes(ours: Command, theirs: Command) -> bool:
    return ours.name == theirs.name and not aligning.differences(ours, theirs)


def _with_dependence(case: Case, verdict: Verdict) -> Verdict:
    """Names the cause when what decides the place is a clock, a random number, the machine, a set or a global."""
    if verdict.rule in ("workflow-raised", "local-activity-added") or verdict.rule.startswith("patch-"):
        return verdict
    if case.source is None:
        return verdict
    here = case.source.at(verdict.location.line) if verdict.location is not None else None
    found = causes.dependence([(case.source, one) for one in (here, *verdict.sites)])
    if found is None:
        return verdict
    cause, line = found
    location = verdict.location
    return replace(verdict, rule=f"nondeterministic-{cause}", note=f"line {line} asks for it", location=location)


def _verdict(case: Case, rule: str) -> Verdict:
    one = case.divergence
    return Verdict(rule, one.at_event_id, one.event_type, one.recorded, one.produced, case.location)


def _added(one: Command) -> str:
    return f"{NOUNS[one.kind]}-added" if one.kind in NOUNS else "branch-changed"


def _removed(one: Command) -> str:
    return f"{NOUNS[one.kind]}-removed" if one.kind in NOUNS else "branch-changed"
