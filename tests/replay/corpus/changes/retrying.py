"""Versions of the upload that is retried (`workflows/retrying.py`)."""

from __future__ import annotations

from tests.replay.corpus.changes.shapes import ACTIVITY, FAILED, TIMER, Change, Outcome, Warned

HISTORIES = {"retrying": ("upload*",)}

CHANGES = (
    Change("upload-as-it-is", "retrying", ()),
    Change(
        "upload-other-policy",
        "retrying",
        (("maximum_attempts=4", "maximum_attempts=9"),),
        (),
        (Warned(f"{ACTIVITY} store", "options-changed"),),
    ),
    Change(
        "upload-no-pause",
        "retrying",
        (("                await workflow.sleep(0.01 * (attempt + 1))", "                continue"),),
        (Outcome(TIMER, "timer-removed", "workflow.execute_activity("),),
    ),
    Change(
        "upload-tries-twice",
        "retrying",
        (("range(3)", "range(2)"),),
        (Outcome(f"{ACTIVITY} notify #3", "activity-removed", "raise ApplicationError"),),
    ),
    Change(
        "upload-tries-oftener",
        "retrying",
        (("range(3)", "range(9)"),),
        (Outcome(FAILED, "activity-added", "workflow.execute_activity(", only=("upload-unheard",)),),
    ),
    Change(
        "upload-other-error",
        "retrying",
        (('"nobody heard"', '"no ear"'),),
        (),
        (Warned(FAILED, "workflow-result-changed", ("upload-unheard",)),),
    ),
)
