"""The rules: everything a check can find, under a stable id, with its cause and its fix. `replay explain` prints them.

An id never changes its meaning and is never reused. The generic texts here say what a finding of that kind is; the finding
itself carries the event, the line and the very block to write.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from wfctl.replay.model import Severity

_GATE = (
    "Guard the change so that runs which are already under way keep their old path:\n\n"
    '    if workflow.patched("PATCH-ID"):\n        …the new lines…\n    else:\n        …the old lines…\n\n'
    'Deploy; when no run that started before is left, replace the block by `workflow.deprecate_patch("PATCH-ID")` and the '
    "new lines, and later drop that too. Or leave those runs on the old code (worker versioning, pinned), or reset them "
    "to before the change."
)
_WARN = "Nothing has to be done if it is meant: runs under way keep what is recorded, and only new commands get the new value."
_STABLE = (
    "Ask the workflow for it instead of the machine: workflow.now() or workflow.time(), workflow.random(), workflow.uuid4(); "
    "or do it in an activity, whose result is recorded."
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of finding."""

    id: str
    severity: Severity
    title: str
    cause: str
    explanation: str
    fix: str


def _breaking(id: str, title: str, cause: str, explanation: str, fix: str = _GATE) -> Rule:
    return Rule(id, Severity.ERROR, title, cause, explanation, fix)


def _warning(id: str, title: str, cause: str, explanation: str, fix: str = _WARN) -> Rule:
    return Rule(id, Severity.WARNING, title, cause, explanation, fix)


_NOUNS = {
    "activity": ("an activity", "activity", "ActivityTaskScheduled"),
    "local-activity": ("a local activity", "local activity", "MarkerRecorded"),
    "timer": ("a timer (sleep, or a wait with a timeout)", "timer", "TimerStarted"),
    "child": ("a child workflow", "child workflow", "StartChildWorkflowExecutionInitiated"),
    "signal": ("a signal to another workflow", "signal", "SignalExternalWorkflowExecutionInitiated"),
    "cancel": ("a cancellation", "cancellation", "…CancelRequested or TimerCanceled"),
    "attributes": ("a write of search attributes or memo", "write", "UpsertWorkflowSearchAttributes"),
    "nexus": ("a Nexus operation", "operation", "NexusOperationScheduled"),
}


def _of_nouns() -> list[Rule]:
    rules: list[Rule] = []
    for noun, (what, short, event) in _NOUNS.items():
        rules.append(
            _breaking(
                f"{noun}-added",
                f"The code makes {what} that the history does not have",
                f"A line that makes {what} was added, or is now reached earlier or in more cases.",
                f"A replay hands each command of the code the next command event of the history. Here the code asks for {what} "
                f"where the history has something else, or nothing: the run went past this point without that {short}.",
            )
        )
        rules.append(
            _breaking(
                f"{noun}-removed",
                f"The history has {what} that the code no longer makes",
                f"The line that made {what} was deleted, or is no longer reached.",
                f"The history's next command event is of {what} ({event}), and the code came to this point without asking for it.",
            )
        )
    return rules


_RULES: list[Rule] = [
    *_of_nouns(),
    _breaking(
        "activity-renamed",
        "An activity has another type than in the history",
        "The activity function, or the name it is registered under, was changed.",
        "Activities are compared by type and by their place in the run. At this place the type differs and the rest goes on as before.",
        'Keep the recorded name: `@activity.defn(name="OLD")` on the renamed function changes nothing for the history. '
        + _GATE,
    ),
    _breaking(
        "activity-reordered",
        "Activities come in another order than in the history",
        "Lines that start activities changed places.",
        "Both activities exist on both sides, in another order. The order of commands within a workflow is part of its history.",
    ),
    _breaking(
        "local-activity-renamed",
        "A local activity has another type than in the history",
        "The function behind a local activity was exchanged or renamed.",
        "Local activities are matched by their number in the run; the marker of this one names another type.",
    ),
    _breaking(
        "commands-reordered",
        "Commands come in another order than in the history",
        "Lines that make commands of different kinds changed places.",
        "Both commands exist on both sides, in another order.",
    ),
    _breaking(
        "child-renamed",
        "A child workflow has another type than in the history",
        "The child's workflow class, or its registered name, was changed.",
        "The child at this place of the run has the recorded id and another type.",
        'Keep the recorded name: `@workflow.defn(name="OLD")`. ' + _GATE,
    ),
    _breaking(
        "child-id-changed",
        "A child workflow gets another id than in the history",
        "The expression that makes the child's id changed, or is not deterministic.",
        "Children are compared by type and id. An id that is left to the SDK is made from the run's own random numbers: another "
        "call of workflow.random() or workflow.uuid4() before it shifts it.",
    ),
    _breaking(
        "child-reordered",
        "Child workflows come in another order than in the history",
        "Lines that start children changed places.",
        "Both children exist on both sides, in another order.",
    ),
    _breaking(
        "timer-changed",
        "A timer's duration is another, and the run goes another way",
        "A sleep or a timeout was changed and what follows depends on it.",
        "A changed duration alone breaks nothing: the recorded timer fires when it did.",
    ),
    _breaking(
        "branch-changed",
        "The code takes another branch than the history did",
        "A condition was changed, or depends on a value that is no longer what it was.",
        "The recorded command still exists in the code, in a branch that this replay did not take.",
    ),
    _breaking(
        "wait-changed",
        "The code waits where the history went on",
        "A condition to wait for was added or made stricter, or the handler that fulfilled it has changed.",
        "The history's next command was made at this point; the code made none, it waits at the line that is shown.",
    ),
    _breaking(
        "patch-removed-too-early",
        "A patch that the history took is gone from the code",
        "workflow.patched(…) was removed while runs that recorded its marker still replay.",
        "The history holds a marker that says: this run took the new path of this patch. Code that does not ask for the patch any more "
        "cannot account for the marker, unless the marker was recorded by deprecate_patch.",
        'Put `workflow.deprecate_patch("PATCH-ID")` where `workflow.patched("PATCH-ID")` was, and keep the new path\'s lines. Remove '
        "it only when no run with that marker will be replayed any more.",
    ),
    _breaking(
        "patch-renamed",
        "A patch has another id than in the history",
        "The id given to workflow.patched(…) was changed.",
        "To the SDK a patch is its id: runs that recorded the old one take the old path of the new one, and their marker has no match.",
        "Give the patch its recorded id again.",
    ),
    _breaking(
        "patch-moved",
        "A patch is asked for at another place than in the history",
        "workflow.patched(…) moved relative to the commands around it.",
        "The marker stands in the history where the patch was first asked for; it must be asked for between the same commands again.",
        "Move the call back before the commands that follow its marker. The first call of a patch id counts.",
    ),
    _breaking(
        "patch-missing",
        "A change is not guarded by a patch",
        "The new lines are right for new runs, and nothing keeps runs under way on the old ones.",
        "The code has patches, but not for this change.",
    ),
    _breaking(
        "nondeterministic-time",
        "The run's path depends on the machine's clock",
        "time.time(), datetime.now() and their like give another value in each replay.",
        "A value of the clock decides a branch, or is part of what a command is compared by.",
        _STABLE,
    ),
    _breaking(
        "nondeterministic-random",
        "The run's path depends on random numbers of the machine",
        "random, secrets, uuid.uuid4() or os.urandom() give other values in each replay.",
        "A random value decides a branch, or is part of what a command is compared by.",
        _STABLE,
    ),
    _breaking(
        "nondeterministic-env",
        "The run's path depends on the machine it runs on",
        "Environment variables, files, host names or process ids differ between machines and over time.",
        "A value from outside the workflow decides a branch, or is part of what a command is compared by.",
        "Pass the value in as an argument, or read it in an activity, whose result is recorded.",
    ),
    _breaking(
        "nondeterministic-iteration-order",
        "The run's path depends on the order of a set",
        "A set of strings is in another order in each process.",
        "Commands are made while iterating over a set.",
        "Iterate over `sorted(…)`, or keep a list or a dict.",
    ),
    _breaking(
        "nondeterministic-global-state",
        "The run's path depends on state outside the run",
        "A module's variable keeps a value from other runs in the same process.",
        "Module state decides a branch, or is part of what a command is compared by; it is as another run left it.",
        "Keep state in the workflow object.",
    ),
    _breaking(
        "nondeterministic-code",
        "Two replays of the same history went two ways",
        "The code depends on something that is not in its history.",
        "The same history was replayed twice with the same code; the commands differed.",
        _STABLE,
    ),
    _breaking(
        "signal-handler-changed",
        "The history has a signal that the code has no handler for",
        "A signal handler was removed or renamed.",
        "The SDK keeps a signal without a handler until one appears; what the handler did is missing from there on.",
        'Keep the old handler as long as runs that got this signal replay: `@workflow.signal(name="OLD")`.',
    ),
    _breaking(
        "update-handler-changed",
        "An update does not go the way it did",
        "An update's handler was removed, renamed or changed.",
        "The history accepted, or completed, an update at this point.",
        'Keep the old handler as long as runs that took this update replay: `@workflow.update(name="OLD")`. ' + _GATE,
    ),
    _breaking(
        "continue-as-new-changed",
        "The run continues as new where it did not, or no longer does",
        "The condition for workflow.continue_as_new(…) was changed.",
        "How a run ends is a command like any other.",
    ),
    _breaking(
        "workflow-outcome-changed",
        "The run ends in another way than it did",
        "The code returns where it raised, or the other way round.",
        "Completing, failing and being cancelled are three different commands.",
    ),
    _breaking(
        "nondeterminism",
        "The code does not fit the history",
        "The SDK refused the code's commands, for a reason that its message tells.",
        "No pair of a command and an event could be named.",
    ),
    _breaking(
        "other-sdk",
        "The history was made by an SDK of another language",
        "A workflow of another language has the same type name.",
        "Each SDK keeps its own marks in a history; that this code does not fit says little about it.",
        "Replay the history with the code that made it: `--lang ts|go|java`, or leave it out.",
    ),
    _breaking(
        "sdk-flag",
        "The history was made by an SDK that behaves in another way",
        "A flag in the history is unknown to this SDK, or the SDK was downgraded.",
        "SDKs record which of their behaviours a run depends on.",
        "Replay with the SDK version that production runs, or a newer one.",
    ),
    _breaking(
        "workflow-raised",
        "The code raises where the history went on",
        "An exception that does not fail the workflow: the task fails, and is tried again until the code is mended.",
        "In production such a run is stuck, with its last workflow task failing over and over.",
        "Mend the code. A run that is stuck goes on by itself when the mended code is deployed.",
    ),
    _breaking(
        "workflow-raises-now",
        "The code raises in the task that is next for this open run",
        "The history is not done: the next workflow task would run the code that raises.",
        "The recorded part fits; the first new task of this run would fail, and be tried again until the code is mended.",
        "Mend the code; runs that are stuck go on by themselves.",
    ),
    _breaking(
        "sandbox-restriction",
        "The code does what the workflow sandbox forbids",
        "A call that is not deterministic, or a module that was imported in the sandbox without need.",
        "The sandbox raises at once, in production as here.",
        _STABLE + " A module that is known to be safe: `with workflow.unsafe.imports_passed_through(): import …`.",
    ),
    _breaking(
        "unregistered",
        "The code has no workflow of this type",
        "The workflow was renamed or removed, or the target does not include it.",
        "A worker with this code would fail every task of such a run.",
        'Keep the recorded name, `@workflow.defn(name="OLD")`, or name the module that has it as a target.',
    ),
    _breaking(
        "payload-undecodable",
        "A recorded payload can't be decoded",
        "The data converter or the type of an argument, result or signal was changed, or the codec's key is missing.",
        "The history holds what the old code wrote; the new code must still be able to read it.",
        "Keep reading the old form: a converter that tries both, a field with a default, a wider type. A target that is a worker "
        "factory brings its own data converter.",
    ),
    _breaking(
        "deadlock",
        "The code did not give way within two seconds",
        "A loop without an await, or a call that blocks the thread.",
        "The SDK takes a workflow task that blocks for a deadlock, in production as here.",
        "Move blocking or long work into an activity.",
    ),
    _breaking(
        "timed-out",
        "The replay did not end in time",
        "The code hangs, or the history is very long.",
        "The process was ended after --timeout seconds.",
        "Look at the line that is shown, or give more time with --timeout.",
    ),
    _breaking(
        "process-exited",
        "The process ended while the history was replayed",
        "The code, or a library it uses, calls os._exit or crashed the interpreter.",
        "Workflow code must not end its process.",
        "Remove the call; stop a workflow with an exception.",
    ),
    _breaking(
        "bad-history",
        "The history can't be judged",
        "It is truncated, edited, has a gap, or is no history at all.",
        "Workflow code is not to blame for what is missing from its history.",
        "Export it again: `wfctl workflow show -w ID -o json`. One of a newer server may need a newer SDK: `pip install -U temporalio`.",
    ),
    _breaking(
        "infrastructure",
        "The check itself had trouble",
        "A worker process died, a server went away, or a file could not be read.",
        "Neither the code nor the history is to blame.",
        "See that the address, the namespace and the id are right (`wfctl workflow list`), then run the check again.",
    ),
    _warning(
        "extra-commands-at-open-end",
        "The code makes more commands than an open history has, at its end",
        "Lines were added at the very place that the run has reached.",
        "A live server takes such commands with the next workflow task, so this run goes on; those that were one step "
        "further do not. The change needs a patch all the same.",
        _GATE,
    ),
    _warning(
        "command-made-earlier",
        "The code makes a command in an earlier task than the history",
        "What the code waited for before it is gone, or comes earlier.",
        "The SDK keeps such a command until the history has it, so this run still fits; a run that had only come as far as the "
        "earlier task goes on otherwise than it would have.",
        _GATE,
    ),
    _warning(
        "arguments-changed",
        "A command has other arguments than in the history",
        "An argument was changed, or two commands of one type changed places.",
        "Arguments are not compared in a replay: the recorded result is handed to the code whatever it asked for. Where two "
        "activities of one type changed places, their results change places too.",
    ),
    _warning(
        "timer-duration-changed",
        "A timer has another duration than in the history",
        "A sleep or a timeout was changed, or two timers changed places.",
        "Durations are not compared in a replay: the recorded timer fires when it did.",
    ),
    _warning(
        "options-changed",
        "A command has other options than in the history",
        "A timeout, retry policy, task queue or the like was changed.",
        "Options are not compared in a replay.",
    ),
    _warning(
        "attributes-changed",
        "Search attributes or memo get another value than in the history",
        "The value that is written was changed.",
        "Values are not compared in a replay.",
    ),
    _warning(
        "workflow-result-changed",
        "The run ends with another result than in the history",
        "What the code returns, or raises, was changed.",
        "Results are not compared in a replay; who waited for this run has the recorded one.",
    ),
    _warning(
        "converter-changed",
        "Values are encoded in another way than in the history",
        "The data converter was changed.",
        "New payloads have another encoding than the recorded ones. Workers with the old code, and clients, must be able to read them.",
    ),
]

RULES: Mapping[str, Rule] = MappingProxyType({rule.id: rule for rule in _RULES})


def rule(id: str) -> Rule | None:
    return RULES.get(id)


def document() -> str:
    """All rules as Markdown: docs/replay-rules.md."""
    parts = [
        "# Replay rules\n\nWhat `wfctl replay check` can find; `wfctl replay explain RULE` prints one. Ids never change.\n"
    ]
    for severity in (Severity.ERROR, Severity.WARNING):
        parts.append(f"\n## {severity.value.capitalize()}s\n")
        for one in (rule for rule in RULES.values() if rule.severity is severity):
            parts.append(f"\n### `{one.id}`\n\n**{one.title}.** {one.cause} {one.explanation}\n\nFix: {one.fix}\n")
    return "".join(parts)


if __name__ == "__main__":
    print(document(), end="")
