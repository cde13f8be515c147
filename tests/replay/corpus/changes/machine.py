"""Versions of the subscription that signals drive (`workflows/machine.py`)."""

from __future__ import annotations

from tests.replay.corpus.changes.shapes import ACTIVITY, CALL, TASK, Change, Outcome, Warned, act

HISTORIES = {"machine": ("subscription-*", "dispatch-both-victim")}

_REFUND = act("refund", "customer")

CHANGES = (
    Change("subscription-as-it-is", "machine", ()),
    Change(
        "subscription-notify-on-pause",
        "machine",
        (
            (
                "                self.paused = True",
                f"                self.paused = True\n                {act('notify', 'customer')}",
            ),
        ),
        (Outcome(f"{TASK} #2", "activity-added", "activities.notify", only=("subscription-paused",)),),
    ),
    Change(
        "subscription-ignores-pause",
        "machine",
        (("elif not self.paused:", "else:"),),
        (Outcome(f"{TASK} #2", "activity-added", "workflow.execute_activity(", only=("subscription-paused",)),),
    ),
    Change(
        "subscription-refund-removed",
        "machine",
        ((f"                {_REFUND}\n", ""),),
        (Outcome(f"{ACTIVITY} refund", "activity-removed", "return log"),),
    ),
    Change(
        "subscription-tell-does-nothing",
        "machine",
        ((act("notify", "text"), "pass"),),
        (Outcome(f"{ACTIVITY} notify", "activity-removed", "wait_condition"),),
    ),
    Change(
        "subscription-command-renamed",
        "machine",
        (("    def command(self", "    def order(self"),),
        (
            Outcome(f"{ACTIVITY} charge", "signal-handler-changed", "wait_condition"),
            Outcome(f"{ACTIVITY} refund", "signal-handler-changed", "wait_condition"),
        ),
    ),
    Change(
        "subscription-waits-once-more",
        "machine",
        (
            (
                "            name = self.inbox.pop(0)",
                "            await workflow.wait_condition(lambda: len(self.inbox) > 1)\n            name = self.inbox.pop(0)",
            ),
        ),
        (
            Outcome(
                f"{ACTIVITY} charge",
                "wait-changed",
                "wait_condition",
                only=("subscription-cancelled", "subscription-open", "subscription-paused"),
            ),
            Outcome(f"{ACTIVITY} refund", "wait-changed", "wait_condition"),
        ),
    ),
    Change(
        "subscription-audit-after-charge",
        "machine",
        (
            (
                "                    )\n                )",
                f'                    )\n                )\n                workflow.start_activity(activities.audit, "x", {CALL}',
            ),
        ),
        (
            Outcome(f"{TASK} #3", "activity-added", "activities.audit", only=("subscription-cancelled",)),
            Outcome(f"{ACTIVITY} refund", "activity-added", "activities.audit", only=("subscription-paused",)),
        ),
        (Warned(f"{TASK} #2", "extra-commands-at-open-end", only=("subscription-open",)),),
    ),
)
