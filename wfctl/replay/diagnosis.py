"""What a trace means: the verdict, and what was found.

The SDK's core has the last word on whether code fits a history, where it gives one; the alignment says where and the
classification why. What the core does not compare (arguments, durations, options) is reported as warnings.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from wfctl.replay import alignment as aligning
from wfctl.replay import classify, commands, fixes, locating, source
from wfctl.replay.alignment import Alignment, Divergence
from wfctl.replay.catalogue import RULES
from wfctl.replay.model import Aligned, Command, Finding, Location, Severity, Verdict
from wfctl.replay.trace import CodeLike, HistoryLike, TaskTrace, Trace

_EVENT = re.compile(r"HistoryEvent\(id: (\d+), (\w+)\)")
_MESSAGE = re.compile(r'message: "((?:[^"\\]|\\.)*)"')
_PREFIX = re.compile(r"^\[TMPRL\d+\] (?:Nondeterminism error: )?")
_MACHINES = "Fatal error in workflow machines"
_MOST_WARNINGS = 20


@dataclass(frozen=True, slots=True)
class Diagnosis:
    verdict: Verdict
    detail: str = ""
    findings: tuple[Finding, ...] = ()
    judged_to_event_id: int = 0


def explain(history: HistoryLike, trace: Trace, code: CodeLike | None = None) -> Diagnosis:
    """The verdict on one history that was replayed."""
    events = history.events
    if trace.quiet_to is not None:
        return Diagnosis(Verdict.COMPATIBLE, judged_to_event_id=trace.quiet_to)
    if trace.broken:
        return Diagnosis(Verdict.INFRASTRUCTURE, f"the replay worker died: {trace.broken}")
    if trace.unusable:
        return _unusable(history, trace)
    found = aligning.align(events, trace)
    if trace.hanging:
        return _hanging(events, trace, found)
    parted = found.divergence
    unstable = _differs_from_first(events, trace, found)
    warnings = _warnings(found)
    if trace.accepted:
        if parted is not None and parted.open_end:
            warnings = (_open_end(parted, found), *warnings)
        detail = "" if not unstable else "two replays of this history made different commands"
        return Diagnosis(Verdict.COMPATIBLE, detail, warnings, found.judged_to_event_id)
    message = sdk_message(trace.nondeterminism or trace.failure)
    failed = next((task for task in trace.tasks if task.failure is not None), None)
    local = aligning.missing_local(found)
    if trace.nondeterminism or (local is not None and local[2] is not None) or _is_misfit(trace, found, failed):
        verdict, cause = Verdict.NONDETERMINISM, _divergence(history, trace, found, message, unstable, code)
    else:
        verdict, cause = _failed(history, trace, found, failed, message)
    return Diagnosis(verdict, cause.message, (cause, *warnings), _judged(found, cause))


def _is_misfit(trace: Trace, found: Alignment, failed: TaskTrace | None) -> bool:
    """Some commands that do not fit throw the SDK's own machines off: it then says so in another form."""
    parted = found.divergence
    return _MACHINES in trace.failure and failed is None and parted is not None and not parted.open_end


def _judged(found: Alignment, cause: Finding) -> int:
    return max(0, min(found.judged_to_event_id or cause.event_id, cause.event_id or found.judged_to_event_id))


def sdk_message(text: str) -> str:
    """The sentence in the SDK's many-layered failure."""
    match = _MESSAGE.search(text)
    message = match[1].replace('\\"', '"').replace("\\n", "\n") if match else text
    return _PREFIX.sub("", message)


# Nondeterminism


def _divergence(
    history: HistoryLike, trace: Trace, found: Alignment, message: str, unstable: bool, code: CodeLike | None
) -> Finding:
    other = _other_sdk(history.events)
    if other:
        finding = _unexplained(trace, f"the history was made by {other}: {message}")
        return replace(finding, rule="other-sdk", fix=RULES["other-sdk"].fix)
    local = aligning.missing_local(found)
    parted = found.divergence
    if local is not None and _is_earlier(local, history, trace, found, code):
        return _local_finding(history, found, local)
    if parted is None or parted.open_end:
        return _unexplained(trace, message)
    named = classify.classify(history.events, trace, found, parted, code)
    if local is not None and local[1] is not None and local[0] is parted.segment:
        # A command in place of a local activity's marker; the marker comes first.
        named = replace(named, event_id=local[1].event_id, event_type=local[1].event_type, recorded=local[1])
    if unstable and not named.rule.startswith("nondeterministic-"):
        named = replace(named, rule="nondeterministic-code", note=f"it looks like {named.rule}")
    return _finding(named, found, parted, history)


def _other_sdk(events: Sequence[HistoryEvent]) -> str:
    """The SDK that made the history, when it is none of Python's; older ones do not say."""
    for event in events:
        name = event.workflow_task_completed_event_attributes.sdk_metadata.sdk_name
        if name:
            return "" if "python" in name else name
    return ""


_Local = tuple[aligning.Segment, Command | None, Command | None]


def _is_earlier(local: _Local, history: HistoryLike, trace: Trace, found: Alignment, code: CodeLike | None) -> bool:
    """Of two differences the earlier one counts; what a renamed local activity returned explains all that follows."""
    segment, recorded, produced = local
    parted = found.divergence
    if recorded is None:
        return False
    if parted is None or parted.open_end or produced is not None:
        return True
    new = parted.produced
    if segment is parted.segment and new is not None and new.kind not in commands.ENDS:
        # A new command stands in the local activity's place. One that history has too is early because it is gone, or
        # because the two changed places.
        if not classify.is_among(found.recorded_after(recorded.event_id, history.events), new):
            return False
        return not classify.may_still_make(classify.case_of(history.events, trace, found, parted, code), recorded)
    return recorded.event_id < parted.at_event_id


def _finding(named: classify.Verdict, found: Alignment, parted: Divergence, history: HistoryLike) -> Finding:
    reset = max(
        (one.completed_event_id for one in found.segments if one.completed_event_id < named.event_id), default=0
    )
    if not parted.recorded and parted.at_event_id == named.event_id:
        reset = parted.segment.completed_event_id
    return Finding(
        rule=named.rule,
        severity=Severity.ERROR,
        message=_sentence(named),
        event_id=named.event_id,
        event_type=named.event_type,
        location=_with_text(named.location),
        recorded=named.recorded,
        produced=named.produced,
        diff=_split(aligning.around(found, parted), named),
        fix=fixes.fix(named, reset, history.workflow_id),
    )


def _sentence(named: classify.Verdict) -> str:
    if named.produced is not None:
        made = f"the code made {_described(named.produced)}"
    else:
        made = "the code made no command"
        made += f" and is at line {named.location.line}" if named.location is not None else ""
    note = f" ({named.note})" if named.note else ""
    if named.event_type == "WorkflowTaskCompleted":
        return f"{made}, which the task that event {named.event_id} completed does not have{note}"
    about = f" '{named.recorded.name}'" if named.recorded is not None and named.recorded.name else ""
    return f"event {named.event_id} is {named.event_type}{about}, but {made}{note}"


def _described(one: Command) -> str:
    return f"{one.kind}" + (f" '{one.name}'" if one.name else "")


def _with_text(location: Location | None) -> Location | None:
    if location is None:
        return None
    location = source.defined(location)
    return replace(location, text=source.line_text(location))


def _split(rows: Sequence[Aligned], named: classify.Verdict) -> tuple[Aligned, ...]:
    """A pair that only passed for a match is shown as the two that it is."""
    made: list[Aligned] = []
    for row in rows:
        if row.matches and row.recorded == named.recorded and row.produced == named.produced:
            made += [Aligned(row.recorded, None), Aligned(None, row.produced)]
        else:
            made.append(row)
    return tuple(made)


def _local_finding(history: HistoryLike, found: Alignment, local: _Local) -> Finding:
    segment, recorded, produced = local
    assert recorded is not None
    rule = "local-activity-removed" if produced is None else "local-activity-renamed"
    location = produced.location if produced is not None else None
    if location is None:
        location = (segment.task.waiting_at or (None,))[0]
    if location is None and segment.produced:
        location = segment.produced[-1].location
    named = classify.Verdict(rule, recorded.event_id, recorded.event_type, recorded, produced, location)
    parted = Divergence(segment, recorded, produced, 0, recorded.event_id, recorded.event_type)
    return _finding(named, found, parted, history)


def _unexplained(trace: Trace, message: str) -> Finding:
    """The SDK refused it and no pair tells why: its own message is what there is."""
    match = _EVENT.search(message)
    rule = "sdk-flag" if "flag" in message.lower() else "nondeterminism"
    last = trace.tasks[-1] if trace.tasks else None
    location = next((one.places[0] for one in reversed(last.commands) if one.places), None) if last else None
    event_id = int(match[1]) if match else last.started_event_id if last else 0
    kind = match[2] if match else "WorkflowTaskStarted" if last else ""
    return Finding(rule, Severity.ERROR, message, event_id, kind, _with_text(location), fix=RULES[rule].fix)


def _differs_from_first(events: Sequence[HistoryEvent], trace: Trace, found: Alignment) -> bool:
    """The same history twice: different commands are proof of code that is not deterministic."""
    if trace.first is None:
        return False
    return _fingerprint(aligning.align(events, trace.first)) != _fingerprint(found)


def _fingerprint(found: Alignment) -> list[list[tuple[str, str, str]]]:
    return [[(one.kind, one.name, one.id) for one in segment.produced] for segment in found.segments]


# Failures that are not nondeterminism


def _failed(
    history: HistoryLike, trace: Trace, found: Alignment, failed: TaskTrace | None, message: str
) -> tuple[Verdict, Finding]:
    text = failed.failure.message if failed is not None else message
    place = (failed.failed_at if failed is not None else None) or locating.of_text(trace.failure)
    location = _with_text(place)
    if "is not registered on this worker" in text:
        kind = history.events[0].workflow_execution_started_event_attributes.workflow_type.name
        return Verdict.UNREGISTERED, _plain("unregistered", f"the code has no workflow type '{kind}'", 1, history)
    if "Potential deadlock" in text:
        return Verdict.TIMEOUT, _plain("deadlock", text, min(trace.running, len(history.events)), history, location)
    if _is_decoding(text):
        at = _undecodable(history.events, trace, failed)
        return Verdict.DECODE_ERROR, _plain("payload-undecodable", _decoding_text(failed, text), at, history, location)
    event_id, is_open = _where(history, found, failed)
    if "Cannot access" in text and "from inside a workflow" in text:
        return Verdict.WORKFLOW_ERROR, _plain("sandbox-restriction", text, event_id, history, location)
    rule = "workflow-raises-now" if is_open else "workflow-raised"
    sentence = f"the code raises {_error_type(failed)}: {text}" if failed is not None else text
    if is_open and history.events:
        before = _failed_before(history.events, text)
        sentence += f"; so did the history's own last workflow task (event {before})" if before else ""
    finding = _plain(rule, sentence, event_id, history, location)
    if found.divergence is not None and not is_open:
        finding = replace(finding, recorded=found.divergence.recorded, diff=aligning.around(found, found.divergence))
    return Verdict.WORKFLOW_ERROR, finding


def _plain(rule: str, message: str, event_id: int, history: HistoryLike, location: Location | None = None) -> Finding:
    event = history.events[event_id - 1] if 0 < event_id <= len(history.events) else None
    name = commands.event_name(event) if event is not None else ""
    return Finding(rule, Severity.ERROR, message, event_id, name, location, fix=RULES[rule].fix)


def _where(history: HistoryLike, found: Alignment, failed: TaskTrace | None) -> tuple[int, bool]:
    """The event the history went on with where the code failed, or, in an open task, its last."""
    segment = next((one for one in found.segments if one.task is failed), None)
    if segment is None:
        return (1 if not found.segments else len(history.events)), False
    if not segment.compared:
        return min(failed.started_event_id if failed else 0, len(history.events)), True
    if found.divergence is not None and found.divergence.segment is segment:
        return found.divergence.at_event_id, False
    return segment.completed_event_id, False


def _failed_before(events: Sequence[HistoryEvent], text: str) -> int:
    for event in reversed(events):
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
            same = event.workflow_task_failed_event_attributes.failure.message == text
            return event.event_id if same else 0
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            return 0
    return 0


# What the SDK was about to hand the code when a payload failed, by the function that was at it.
_DECODERS = (
    ("_make_workflow_input", (EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,)),
    ("_apply_resolve_activity", (EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, EventType.EVENT_TYPE_MARKER_RECORDED)),
    ("_apply_resolve_child_workflow_execution", (EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED,)),
    ("_apply_resolve_nexus_operation", (EventType.EVENT_TYPE_NEXUS_OPERATION_COMPLETED,)),
    ("_process_signal_job", (EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,)),
)


def _undecodable(events: Sequence[HistoryEvent], trace: Trace, failed: TaskTrace | None) -> int:
    """The event whose payload could not be read: of the kind the SDK was at, the last before the task."""
    stack = failed.failure.stack_trace if failed is not None else trace.failure
    until = min(failed.started_event_id if failed is not None else trace.running or 1, len(events))
    for function, kinds in _DECODERS:
        if function not in stack:
            continue
        earlier = [event.event_id for event in events[:until] if event.event_type in kinds]
        later = [event.event_id for event in events[until:] if event.event_type in kinds]
        return (earlier[-1:] or later[:1] or [until])[0]
    return until


def _is_decoding(text: str) -> bool:
    return text.startswith(("Failed decoding", "Failed converting", "Unknown payload encoding"))


def _decoding_text(failed: TaskTrace | None, text: str) -> str:
    cause = failed.failure.cause.message if failed is not None and failed.failure.HasField("cause") else ""
    return f"{text}: {cause}" if cause else text


def _error_type(failed: TaskTrace | None) -> str:
    if failed is None:
        return "an error"
    return failed.failure.application_failure_info.type or "an error"


def _unusable(history: HistoryLike, trace: Trace) -> Diagnosis:
    text = trace.unusable.strip().splitlines()[-1]
    rule = "sandbox-restriction" if "Cannot access" in text else "workflow-raised"
    location = _with_text(locating.of_text(trace.unusable))
    message = f"the code can't be imported in the workflow sandbox: {text}"
    return Diagnosis(Verdict.WORKFLOW_ERROR, message, (_plain(rule, message, 1, history, location),), 0)


def _hanging(events: Sequence[HistoryEvent], trace: Trace, found: Alignment) -> Diagnosis:
    location = _with_text(trace.hanging_at)
    where = f" at line {location.line}" if location is not None else ""
    at = min(trace.running or 1, len(events))
    name = commands.event_name(events[at - 1])
    message = f"the code does not give way{where}"
    finding = Finding("deadlock", Severity.ERROR, message, at, name, location, fix=RULES["deadlock"].fix)
    return Diagnosis(Verdict.TIMEOUT, message, (finding,), at)


# Warnings


def _open_end(parted: Divergence, found: Alignment) -> Finding:
    produced = parted.produced
    assert produced is not None
    return Finding(
        "extra-commands-at-open-end",
        Severity.WARNING,
        f"the code makes {_described(produced)} where the open history ends so far",
        parted.at_event_id,
        parted.event_type,
        _with_text(produced.location),
        produced=produced,
        diff=aligning.around(found, parted),
        fix=RULES["extra-commands-at-open-end"].fix,
    )


def _warnings(found: Alignment) -> tuple[Finding, ...]:
    """One per rule and line, at its first event."""
    made: dict[tuple[str, Location | None], Finding] = {}
    for recorded, produced in found.early[:_MOST_WARNINGS]:
        key = ("command-made-earlier", produced.location)
        if key not in made:
            made[key] = _early(recorded, produced)
    for recorded, produced in found.pairs:
        for name, old, new in aligning.differences(recorded, produced, found.limit):
            rule = _attribute_rule(recorded, name, old, new)
            key = (rule, produced.location)
            if key not in made and len(made) < _MOST_WARNINGS:
                made[key] = _attribute_finding(rule, recorded, produced, (name, old, new))
    return tuple(made.values())


def _early(recorded: Command, produced: Command) -> Finding:
    return Finding(
        "command-made-earlier",
        Severity.WARNING,
        f"the code makes {_described(produced)} in an earlier task than the history, which has it as event {recorded.event_id}",
        recorded.event_id,
        recorded.event_type,
        _with_text(produced.location),
        recorded=recorded,
        produced=produced,
        fix=RULES["command-made-earlier"].fix,
    )


def _attribute_rule(recorded: Command, name: str, old: str, new: str) -> str:
    if _encoding(old) != _encoding(new):
        return "converter-changed"
    if recorded.kind in (commands.UPSERT, commands.MEMO):
        return "attributes-changed"
    if name in ("arguments", "target"):
        return "arguments-changed"
    if name == "duration":
        return "timer-duration-changed"
    if name in ("result", "failure", "outcome"):
        return "workflow-result-changed"
    return "options-changed"


def _encoding(text: str) -> list[str]:
    """The encodings that are not plainly readable."""
    return re.findall(r"<([\w-]+(?:/[\w-]+)?)>", text)


def _attribute_finding(rule: str, recorded: Command, produced: Command, change: tuple[str, str, str]) -> Finding:
    name, old, new = change
    return Finding(
        rule,
        Severity.WARNING,
        f"{name} of {_described(recorded)}: {commands.shortened(old) or 'none'} in the history, "
        f"{commands.shortened(new) or 'none'} in the code",
        recorded.event_id,
        recorded.event_type,
        _with_text(produced.location),
        recorded=recorded,
        produced=produced,
        fix=RULES[rule].fix,
    )
