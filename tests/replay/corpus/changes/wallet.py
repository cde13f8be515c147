"""Versions of the wallet (`workflows/wallet.py`): updates that take turns, and fail."""

from __future__ import annotations

from tests.replay.corpus.changes.shapes import ACTIVITY, FAILED, Change, Outcome

HISTORIES = {"wallet": ("wallet-*",)}

_ACCEPTED = "WorkflowExecutionUpdateAccepted"

CHANGES = (
    Change("wallet-as-it-is", "wallet", ()),
    Change("wallet-function-renamed", "wallet", (("async def put(", "async def pay_in("), ("@put.", "@pay_in."))),
    Change(
        "wallet-update-renamed",
        "wallet",
        (('name="deposit"', 'name="pay-in"'),),
        (Outcome(_ACCEPTED, "update-handler-changed", "", only=("wallet-busy",)),),
    ),
    Change(
        "wallet-fee-after",
        "wallet",
        (
            (
                (
                    '            if amount > 100:\n                await workflow.execute_activity("fee", str(amount), **QUICK)\n'
                    '            await workflow.execute_activity("credit", str(amount), **QUICK)\n'
                ),
                (
                    '            await workflow.execute_activity("credit", str(amount), **QUICK)\n'
                    '            if amount > 100:\n                await workflow.execute_activity("fee", str(amount), **QUICK)\n'
                ),
            ),
        ),
        (Outcome(f"{ACTIVITY} fee", "activity-reordered", '"credit"'),),
    ),
    Change(
        "wallet-any-signal-unheard",
        "wallet",
        (("    @workflow.signal(dynamic=True)\n", ""),),
        (Outcome(f"{ACTIVITY} log_audit", "signal-handler-changed", ""),),
    ),
    Change(
        "wallet-overdrawn-is-no-failure",
        "wallet",
        (('raise ApplicationError("overdrawn", self.balance, type="Overdrawn")', "return self.balance"),),
        (Outcome(FAILED, "workflow-outcome-changed", "return self.balance"),),
    ),
    Change(
        "wallet-bug-in-an-update",
        "wallet",
        (("            self.balance -= amount", "            self.balance -= self.nothing"),),
        (
            Outcome(
                "WorkflowExecutionUpdateCompleted #2",
                "workflow-raised",
                "self.nothing",
                verdict="workflow_error",
                only=("wallet-busy",),
            ),
            Outcome("WorkflowExecutionUpdateCompleted", "workflow-raised", "self.nothing", verdict="workflow_error"),
        ),
    ),
)
