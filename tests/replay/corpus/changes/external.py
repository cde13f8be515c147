"""Versions of the dispatcher that signals and cancels others (`workflows/external.py`)."""

from __future__ import annotations

from tests.replay.corpus.changes.shapes import Change, Outcome, Warned

HISTORIES = {"external": ("dispatch-nobody", "dispatch-both")}

CHANGES = (
    Change("dispatch-as-it-is", "external", ()),
    Change(
        "dispatch-no-signal",
        "external",
        (('await handle.signal("decide", "approve")', "pass"),),
        (
            Outcome("SignalExternalWorkflowExecutionInitiated", "signal-removed", "cancel()", only=("dispatch-both",)),
            Outcome("SignalExternalWorkflowExecutionInitiated", "signal-removed", "activities.notify"),
        ),
    ),
    Change(
        "dispatch-no-cancel",
        "external",
        (("await workflow.get_external_workflow_handle(victim).cancel()", "pass"),),
        (Outcome("RequestCancelExternalWorkflowExecutionInitiated", "cancel-removed", "activities.notify"),),
    ),
    Change(
        "dispatch-other-word",
        "external",
        (('"approve"', '"no"'),),
        (),
        (Warned("SignalExternalWorkflowExecutionInitiated", "arguments-changed"),),
    ),
)
