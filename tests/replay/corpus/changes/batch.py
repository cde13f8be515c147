"""Versions of the batch of many activities (`workflows/batch.py`)."""

from __future__ import annotations

from tests.replay.corpus.changes.shapes import ACTIVITY, AUDIT, Change, Outcome

HISTORIES = {"batch": ("batch-*",)}

CHANGES = (
    Change("batch-as-it-is", "batch", ()),
    Change(
        "batch-stops-early",
        "batch",
        (("range(count)", "range(min(count, 400))"),),
        (Outcome(f"{ACTIVITY} lookup #401", "activity-removed", "return total"),),
    ),
    Change(
        "batch-audit-each-hundred",
        "batch",
        (("            total +=", f"            if number == 100:\n                {AUDIT}\n            total +="),),
        (Outcome(f"{ACTIVITY} lookup #101", "activity-added", "activities.audit"),),
    ),
)
