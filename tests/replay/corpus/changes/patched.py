"""Versions of billing, before and after its patches (`workflows/patched.py`)."""

from __future__ import annotations

from tests.replay.corpus.changes.shapes import ACTIVITY, TIMER, Change, Outcome, act

HISTORIES = {"patched": ("billing-*",), "patched_before": ("billing-old*",)}

CHANGES = (
    Change("billing-as-it-is", "patched", ()),
    Change(
        "billing-patch-removed",
        "patched",
        (
            (
                f'        if workflow.patched("audit-first"):\n            {act("audit", "account")}',
                f"        {act('audit', 'account')}",
            ),
        ),
        (
            Outcome("MarkerRecorded #2", "patch-removed-too-early", "activities.audit"),
            Outcome(TIMER, "activity-added", "activities.audit"),
        ),
    ),
    Change(
        "billing-patch-and-lines-removed",
        "patched",
        ((f'        if workflow.patched("audit-first"):\n            {act("audit", "account")}\n', ""),),
        (Outcome("MarkerRecorded #2", "patch-removed-too-early", "workflow.sleep"),),
    ),
    Change(
        "billing-patch-renamed",
        "patched",
        (("audit-first", "audit-1st"),),
        (Outcome("MarkerRecorded #2", "patch-renamed", "audit-1st"),),
    ),
    Change(
        "billing-patch-deprecated",
        "patched",
        (
            (
                f'        if workflow.patched("audit-first"):\n            {act("audit", "account")}',
                f'        workflow.deprecate_patch("audit-first")\n        {act("audit", "account")}',
            ),
        ),
        (Outcome(TIMER, "activity-added", "activities.audit", only=("billing-old", "billing-old-open")),),
    ),
    Change("billing-deprecated-gone", "patched", (('        workflow.deprecate_patch("new-lookup")\n', ""),)),
    Change(
        "billing-patch-moved",
        "patched",
        (
            (
                f'        if workflow.patched("audit-first"):\n            {act("audit", "account")}\n        await workflow.sleep(0.05)\n',
                f'        await workflow.sleep(0.05)\n        if workflow.patched("audit-first"):\n            {act("audit", "account")}\n',
            ),
        ),
        (Outcome("MarkerRecorded #2", "patch-moved", "workflow.sleep"),),
    ),
    Change(
        "billing-patch-inverted",
        "patched",
        (('if workflow.patched("audit-first")', 'if not workflow.patched("audit-first")'),),
        (
            Outcome(f"{ACTIVITY} audit", "branch-changed", "workflow.sleep"),
            Outcome(TIMER, "activity-added", "activities.audit"),
        ),
    ),
    Change(
        "billing-second-patch",
        "patched",
        (
            (
                "        await workflow.sleep(0.05)",
                f'        if workflow.patched("more"):\n            {act("notify", "account")}\n        await workflow.sleep(0.05)',
            ),
        ),
    ),
    Change("billing-before-patches", "patched_before", ()),
)
