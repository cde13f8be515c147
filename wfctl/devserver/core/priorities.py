"""Priorities: where a task of a run stands among others."""

from __future__ import annotations

from temporalio.api.common.v1 import Priority


def merged(own: Priority, base: Priority) -> Priority:
    """An activity's or a child's priority: its own, where unset the workflow's."""
    return Priority(
        priority_key=own.priority_key or base.priority_key,
        fairness_key=own.fairness_key or base.fairness_key,
        fairness_weight=own.fairness_weight or base.fairness_weight,
    )
