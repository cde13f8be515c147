"""Versions of pricing with local activities (`workflows/local.py`)."""

from __future__ import annotations

from tests.replay.corpus.changes.shapes import ACTIVITY, CALL, Change, Outcome, act

HISTORIES = {"local": ("pricing*",)}

CHANGES = (
    Change("pricing-as-it-is", "local", ()),
    Change(
        "pricing-last-removed",
        "local",
        ((f"last = await workflow.execute_local_activity(activities.lookup, basket, {CALL}", "last = 0"),),
        (Outcome("MarkerRecorded core_local_activity #4", "local-activity-removed", "return first"),),
    ),
    Change(
        "pricing-local-renamed",
        "local",
        (("activities.lookup, basket * 2", '"measure", basket * 2'),),
        (Outcome("MarkerRecorded core_local_activity #2", "local-activity-renamed", '"measure"'),),
    ),
    Change(
        "pricing-local-added",
        "local",
        (
            (
                "        both = await",
                f'        await workflow.execute_local_activity(activities.lookup, "k", {CALL}\n        both = await',
            ),
        ),
        (Outcome(f"{ACTIVITY} audit", "local-activity-added", "basket * 3", only=()),),
    ),
    Change(
        "pricing-audit-removed",
        "local",
        ((f"        {act('audit', 'basket')}\n", ""),),
        (Outcome(f"{ACTIVITY} audit", "activity-removed", ""),),
    ),
    Change(
        "pricing-sleeps-always",
        "local",
        (
            (
                "        if seconds:\n            await workflow.sleep(seconds)",
                "        await workflow.sleep(seconds or 1)",
            ),
        ),
        (Outcome("MarkerRecorded core_local_activity #4", "timer-added", "workflow.sleep", only=("pricing",)),),
    ),
)
