"""What the SDKs' messages of nondeterminism tell: the event of the history, and the command of the code.

Three families of messages: sdk-core's (TypeScript, and every other SDK built on it), Go's and Java's. What a message does
not tell stays empty. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from re import Match

from wfctl.replay import commands
from wfctl.replay.model import Command

_VERSION = "Version"


@dataclass(frozen=True, slots=True)
class Parted:
    """Where history and code part, as far as a message tells."""

    event_id: int = 0
    recorded: Command | None = None
    """Of the history's side what the message names; found in the history by id, or by name where there is one such."""
    produced: Command | None = None
    nothing_produced: bool = False
    """The code made no command there."""
    nothing_recorded: bool = False
    """History has no command event there."""
    rule: str = ""
    """The message itself leaves no doubt about the rule."""


def parted(message: str) -> Parted:
    for pattern, read in _FORMS:
        match = pattern.search(message)
        if match is not None:
            return read(match)
    return Parted()


def sentence(message: str) -> str:
    """The SDK's own sentence, out of the layers it comes wrapped in."""
    core = _CORE_FAILURE.search(message)
    text = _unescaped(core[1]) if core is not None else message
    text = _MORE_FRAMES.sub("", text)
    text = _BOOKKEEPING.sub("", _TAG.sub("", text)).strip()
    return text if len(text) <= _MOST else f"{text[: _MOST - 1]}…"


def is_decoding(message: str) -> bool:
    return _DECODING.search(message) is not None


def is_version(message: str) -> bool:
    """Java calls it an exception of the code that a version is gone; Go calls it nondeterminism, which it is."""
    return _VERSION_GONE.search(message) is not None


_VERSION_GONE = re.compile(
    r"(?:removed support of version|Version) (-?\d+)\.? (?:for \"(.*?)\" changeID|of changeId (\S+) is not supported)"
)
_CORE_FAILURE = re.compile(r'Failure \{ message: "((?:[^"\\]|\\.)*)"')
CORE_STACK = re.compile(r'stack_trace: "((?:[^"\\]|\\.)*)"')
_MOST = 500
# Go prints whole protobufs, Java counters of its own.
_BOOKKEEPING = re.compile(
    r", resp: \*workflowservice\..*| \{WorkflowTaskStartedEventId=\d+, CurrentStartedEventId=\d+\}", re.DOTALL
)
_MORE_FRAMES = re.compile(r"\n\s*\.\.\. \d+ more\s*$")
_TAG = re.compile(r"\[TMPRL\d+\] (?:Nondeterminism error: )?")
_DECODING = re.compile(
    r"unable to decode|Unknown encoding|DataConverterException|PayloadConverterError|payload item \d+:|"
    r"Payload codec failed|Failed to (?:decode|convert) payload|Missing payload metadata"
)


def _unescaped(text: str) -> str:
    return text.replace('\\"', '"').replace("\\n", "\n").replace("\\'", "'").replace("\\\\", "\\")


def core_stack(message: str) -> str:
    """The stack trace in sdk-core's print of a failure."""
    return "\n".join(_unescaped(found) for found in CORE_STACK.findall(message) if found)


# sdk-core

_MACHINES = {
    "Activity": commands.ACTIVITY,
    "Timer": commands.TIMER,
    "Child workflow": commands.CHILD,
    "Signal external WF": commands.SIGNAL_EXTERNAL,
    "Cancel external WF": commands.CANCEL_EXTERNAL,
    "Complete workflow": commands.COMPLETE,
    "Fail workflow": commands.FAIL,
    "Cancel workflow": commands.CANCEL,
    "Continue as new workflow": commands.CONTINUE,
    "Nexus operation": commands.NEXUS,
    "Local activity": commands.LOCAL_ACTIVITY,
    "Change": commands.PATCH,
    "Update": "",
}


def _core_machine(match: Match[str]) -> Parted:
    kind = _MACHINES.get(match[1], "")
    return Parted(int(match[2]), produced=Command(kind, "") if kind else None)


def _core_no_command(match: Match[str]) -> Parted:
    return Parted(int(match[1]), nothing_produced=True)


def _core_patch(match: Match[str]) -> Parted:
    return Parted(recorded=Command(commands.PATCH, match[1]), nothing_produced=True, rule="patch-removed-too-early")


def _core_pair(kind: str, *, by_id: bool) -> Callable[[Match[str]], Parted]:
    def read(match: Match[str]) -> Parted:
        if by_id:
            return Parted(recorded=Command(kind, "", match[1]), produced=Command(kind, "", match[2]))
        return Parted(recorded=Command(kind, match[1]), produced=Command(kind, match[2]))

    return read


# Go. Events come as `ActivityTaskScheduled: (ActivityId:5, ActivityType:(Name:Charge), …)`, commands likewise.

_GO_COMMANDS = {
    "ScheduleActivityTask": commands.ACTIVITY,
    "RequestCancelActivityTask": commands.CANCEL_ACTIVITY,
    "StartTimer": commands.TIMER,
    "CancelTimer": commands.CANCEL_TIMER,
    "CompleteWorkflowExecution": commands.COMPLETE,
    "FailWorkflowExecution": commands.FAIL,
    "CancelWorkflowExecution": commands.CANCEL,
    "ContinueAsNewWorkflowExecution": commands.CONTINUE,
    "StartChildWorkflowExecution": commands.CHILD,
    "SignalExternalWorkflowExecution": commands.SIGNAL_EXTERNAL,
    "RequestCancelExternalWorkflowExecution": commands.CANCEL_EXTERNAL,
    "UpsertWorkflowSearchAttributes": commands.UPSERT,
    "ModifyWorkflowProperties": commands.MEMO,
    "RecordMarker": commands.MARKER,
    "ScheduleNexusOperation": commands.NEXUS,
    "RequestCancelNexusOperation": commands.CANCEL_NEXUS,
}
_GO_EVENTS = {
    "ActivityTaskScheduled": commands.ACTIVITY,
    "ActivityTaskCancelRequested": commands.CANCEL_ACTIVITY,
    "TimerStarted": commands.TIMER,
    "TimerCanceled": commands.CANCEL_TIMER,
    "WorkflowExecutionCompleted": commands.COMPLETE,
    "WorkflowExecutionFailed": commands.FAIL,
    "WorkflowExecutionCanceled": commands.CANCEL,
    "WorkflowExecutionContinuedAsNew": commands.CONTINUE,
    "StartChildWorkflowExecutionInitiated": commands.CHILD,
    "SignalExternalWorkflowExecutionInitiated": commands.SIGNAL_EXTERNAL,
    "RequestCancelExternalWorkflowExecutionInitiated": commands.CANCEL_EXTERNAL,
    "UpsertWorkflowSearchAttributes": commands.UPSERT,
    "WorkflowPropertiesModified": commands.MEMO,
    "MarkerRecorded": commands.MARKER,
    "NexusOperationScheduled": commands.NEXUS,
    "NexusOperationCancelRequested": commands.CANCEL_NEXUS,
}
_GO_NAME = {
    commands.ACTIVITY: (r"ActivityType:\(Name:([^)]*)\)", r"ActivityId:([^,)]*)"),
    commands.TIMER: ("", r"TimerId:([^,)]*)"),
    commands.CANCEL_TIMER: ("", r"TimerId:([^,)]*)"),
    commands.CHILD: (r"WorkflowType:\(Name:([^)]*)\)", r"WorkflowId:([^,)]*)"),
    commands.SIGNAL_EXTERNAL: (r"SignalName:([^,)]*)", ""),
    commands.MARKER: (r"MarkerName:([^,)]*)", ""),
}
_GO_TASK_COMPLETED = re.compile(r"WorkflowTaskCompletedEventId:(\d+)")


def _go_command(names: dict[str, str], name: str, text: str) -> Command | None:
    kind = names.get(name, "")
    if not kind:
        return None
    about, identity = _GO_NAME.get(kind, ("", ""))
    return Command(kind, _group(about, text), _group(identity, text))


def _group(pattern: str, text: str) -> str:
    match = re.search(pattern, text) if pattern else None
    return match[1] if match is not None else ""


def _go_both(match: Match[str]) -> Parted:
    return Parted(
        recorded=_go_command(_GO_EVENTS, match[1], match[2]), produced=_go_command(_GO_COMMANDS, match[3], match[4])
    )


def _go_missing(match: Match[str]) -> Parted:
    recorded = _go_command(_GO_EVENTS, match[1], match[2])
    is_version = recorded is not None and (recorded.kind, recorded.name) == (commands.MARKER, _VERSION)
    return Parted(recorded=recorded, nothing_produced=True, rule="patch-removed-too-early" if is_version else "")


def _go_extra(match: Match[str]) -> Parted:
    return Parted(produced=_go_command(_GO_COMMANDS, match[1], match[2]), nothing_recorded=True)


def _go_expected(match: Match[str]) -> Parted:
    """`a matching Timer command was expected in history event position 11`: one with this id, which follows from its place."""
    if match[2].isdigit():
        return Parted(int(match[2]))
    return Parted(recorded=Command(commands.CHILD, "", match[2]) if match[1] == "ChildWorkflow" else None)


def _go_lookup(match: Match[str]) -> Parted:
    """The history's activity is none of the code's: its id follows from its place."""
    return Parted(int(match[1]))


def _go_end(match: Match[str]) -> Parted:
    kinds = re.findall(r"command_type:\s*COMMAND_TYPE_(\w+)", match[1])
    return Parted(int(match[2]), produced=Command(kinds[-1], "") if kinds else None, nothing_produced=not kinds)


def _unsupported_version(match: Match[str]) -> Parted:
    """A version that history holds and the code no longer has; -1 is the code from before the first one."""
    if match[1] == "-1":
        return Parted()
    return Parted(recorded=Command(commands.PATCH, match[2] or match[3]), rule="patch-removed-too-early")


def _go_local(match: Match[str]) -> Parted:
    return Parted(
        recorded=Command(commands.LOCAL_ACTIVITY, match[2]),
        produced=Command(commands.LOCAL_ACTIVITY, match[1]),
        rule="local-activity-renamed",
    )


# Java


def _java_types(match: Match[str]) -> Parted:
    return Parted(int(match[1]), produced=_java_command(match[2]))


def _java_none(match: Match[str]) -> Parted:
    return Parted(int(match[1]), nothing_produced=True)


def _java_command(name: str) -> Command:
    return Command(name.removeprefix("COMMAND_TYPE_"), "")


def _java_attribute(match: Match[str]) -> Parted:
    """Java calls the command's value the expected one, and prints a type as the protobuf it is: `name: "Charge"`."""
    value = re.sub(r'^name: "(.*)"\s*$', r"\1", match[4])
    kind = match[1].removeprefix("COMMAND_TYPE_")
    if match[3].lower().endswith("type"):
        return Parted(int(match[2]), produced=Command(kind, value if match[3] != "eventType" else ""))
    return Parted(int(match[2]), produced=Command(kind, "", value if match[3].lower().endswith("id") else ""))


def _java_local(match: Match[str]) -> Parted:
    return Parted(recorded=Command(commands.LOCAL_ACTIVITY, match[1]), nothing_produced=True)


def _java_failing_event(match: Match[str]) -> Parted:
    return Parted(int(match[1]))


_FORMS: Sequence[tuple[re.Pattern[str], Callable[[Match[str]], Parted]]] = [
    (re.compile(r"([A-Z][A-Za-z ]+?) machine (?:does not|cannot) handle this event: HistoryEvent\(id: (\d+)"), _core_machine),
    (re.compile(r"No command scheduled for event HistoryEvent\(id: (\d+)"), _core_no_command),
    (re.compile(r"Non-deprecated patch marker encountered for change (.+?), but there is no"), _core_patch),
    (re.compile(r"Activity type of scheduled event '(.*?)' does not match activity type of activity command '(.*?)'"), _core_pair(commands.ACTIVITY, by_id=False)),
    (re.compile(r"Activity id of scheduled event '(.*?)' does not match activity id of activity command '(.*?)'"), _core_pair(commands.ACTIVITY, by_id=True)),
    (re.compile(r"Child workflow id of scheduled event '(.*?)' does not match child workflow id of (?:activity )?command '(.*?)'"), _core_pair(commands.CHILD, by_id=True)),
    (re.compile(r"Child workflow type of scheduled event '(.*?)' does not match child workflow type of (?:activity )?command '(.*?)'"), _core_pair(commands.CHILD, by_id=False)),
    (re.compile(r"Activity type of recorded marker '(.*?)' does not match activity type of local activity command '(.*?)'"), _core_pair(commands.LOCAL_ACTIVITY, by_id=False)),
    (re.compile(r"history event is (\w+): (.*?), replay command is (\w+): (.*)", re.DOTALL), _go_both),
    (re.compile(r"missing replay command for (\w+): (.*)", re.DOTALL), _go_missing),
    (re.compile(r"extra replay command for (\w+): (.*)", re.DOTALL), _go_extra),
    (re.compile(r"a matching (\w+) command was expected in history event position (\S+?)\. However"), _go_expected),
    (re.compile(r"lookup failed for scheduledEventID to activityID: scheduleEventID: (\d+)"), _go_lookup),
    (re.compile(r"doesn't return the same result as the last event, resp: (.*), last: .*?event_id:\s*(\d+)", re.DOTALL), _go_end),
    (_VERSION_GONE, _unsupported_version),
    (re.compile(r"code executed local activity (.+?), but history event found (.+?), markerData"), _go_local),
    (re.compile(r"Event (\d+) of type EVENT_TYPE_\w+ does not match command type (COMMAND_TYPE_\w+)"), _java_types),
    (re.compile(r"No command scheduled that corresponds to event_id: (\d+)"), _java_none),
    (re.compile(r"Command (COMMAND_TYPE_\w+) doesn't match event EVENT_TYPE_\w+ with EventId=(\d+) on check (\w+) with an expected value '(.*?)' and an actual value", re.DOTALL), _java_attribute),
    (re.compile(r"Local activity of type (\S+) is recorded in the history"), _java_local),
    (re.compile(r"Failure handling event (\d+) of type '?EVENT_TYPE_"), _java_failing_event),
]  # fmt: skip
