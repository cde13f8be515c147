"""Versions of the approval with a deadline (`workflows/approval.py`)."""

from __future__ import annotations

from tests.replay.corpus.changes.shapes import ACTIVITY, CALL, TASK, TIMER, Change, Outcome, Warned, act

HISTORIES = {"approval": ("approval-*", "dispatch-both-target")}

_NOTIFY = act("notify", 'f"please approve {document}"')
_STORE = act("store", "document")
_LATE = act("audit", 'f"{document} timed out"')
_TRY = "        try:\n"

CHANGES = (
    Change("approval-as-it-is", "approval", ()),
    Change(
        "approval-sleep-added",
        "approval",
        ((_TRY, f"        await workflow.sleep(1)\n{_TRY}"),),
        (
            Outcome(f"{ACTIVITY} store", "timer-added", "workflow.sleep(1)", only=("approval-early",)),
            Outcome(
                TIMER,
                "timer-added",
                "workflow.sleep(1)",
                only=("approval-approved", "approval-rejected", "dispatch-both-target", "approval-late"),
            ),
        ),
        (Warned(TIMER, "timer-duration-changed"),),
    ),
    Change(
        "approval-audit-started",
        "approval",
        ((_TRY, f'        workflow.start_activity(activities.audit, "x", {CALL}\n{_TRY}'),),
        (
            Outcome(TIMER, "activity-added", '"x"'),
            Outcome(f"{ACTIVITY} store", "activity-added", '"x"'),
        ),
    ),
    Change(
        "approval-audit-started-at-the-end",
        "approval",
        (
            (
                f"        {_NOTIFY}",
                f'        job = workflow.start_activity(activities.notify, f"please approve {{document}}", {CALL}\n        workflow.start_activity(activities.audit, "x", {CALL}\n        await job',
            ),
        ),
        (Outcome(TASK, "activity-added", '"x"'),),
    ),
    Change(
        "approval-waits-for-ever",
        "approval",
        ((", timeout=timedelta(seconds=seconds)", ""),),
        (Outcome(TIMER, "timer-removed", "wait_condition"),),
    ),
    Change(
        "approval-store-removed",
        "approval",
        ((_STORE, "pass"),),
        (Outcome(f"{ACTIVITY} store", "activity-removed", "return self.decision"),),
    ),
    Change(
        "approval-decisions-inverted",
        "approval",
        (('self.decision == "approve"', 'self.decision != "approve"'),),
        (
            Outcome(f"{ACTIVITY} store", "branch-changed", "rejected"),
            Outcome(f"{ACTIVITY} audit", "branch-changed", "activities.store", only=("approval-rejected",)),
        ),
    ),
    Change(
        "approval-other-word",
        "approval",
        (('self.decision == "approve"', 'self.decision == "yes"'),),
        (Outcome(f"{ACTIVITY} store", "branch-changed", "rejected"),),
    ),
    Change(
        "approval-signal-renamed",
        "approval",
        (("    @workflow.signal\n    async def decide", "    @workflow.signal\n    async def resolve"),),
        (
            Outcome(
                "TimerCanceled",
                "signal-handler-changed",
                "wait_condition",
                only=("approval-approved", "approval-rejected", "dispatch-both-target"),
            ),
            Outcome(f"{ACTIVITY} store", "signal-handler-changed", "wait_condition", only=("approval-early",)),
        ),
    ),
    Change(
        "approval-signal-keeps-its-name",
        "approval",
        (("    @workflow.signal\n    async def decide", '    @workflow.signal(name="decide")\n    async def resolve'),),
    ),
    Change(
        "approval-timeout-doubled",
        "approval",
        (("seconds=seconds", "seconds=seconds * 2"),),
        (),
        (Warned(TIMER, "timer-duration-changed"),),
    ),
    Change(
        "approval-raises-in-the-open-task",
        "approval",
        (
            (
                '        if self.decision == "approve":',
                '        if self.decision:\n            raise RuntimeError("bug")\n        if self.decision == "approve":',
            ),
        ),
        (
            Outcome(
                "WorkflowTaskStarted #3",
                "workflow-raises-now",
                'RuntimeError("bug")',
                "workflow_error",
                ("approval-started",),
            ),
            Outcome(
                "WorkflowTaskScheduled #3",
                "workflow-raises-now",
                'RuntimeError("bug")',
                "workflow_error",
                ("approval-scheduled",),
            ),
            Outcome(
                "TimerCanceled",
                "workflow-raised",
                'RuntimeError("bug")',
                "workflow_error",
                ("approval-approved", "approval-rejected", "dispatch-both-target"),
            ),
            Outcome(
                f"{ACTIVITY} store", "workflow-raised", 'RuntimeError("bug")', "workflow_error", ("approval-early",)
            ),
        ),
    ),
    Change(
        "approval-notice-reworded",
        "approval",
        (("please approve", "do approve"),),
        (),
        (Warned(f"{ACTIVITY} notify", "arguments-changed"),),
    ),
    Change(
        "approval-late-renamed",
        "approval",
        ((_LATE, act("cleanup", 'f"{document} timed out"')),),
        (Outcome(f"{ACTIVITY} audit", "activity-renamed", "activities.cleanup", only=("approval-late",)),),
    ),
)
