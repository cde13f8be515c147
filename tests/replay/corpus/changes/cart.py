"""Versions of the cart that updates fill (`workflows/cart.py`)."""

from __future__ import annotations

from tests.replay.corpus.changes.shapes import ACTIVITY, AUDIT, COMPLETED, Change, Outcome, Warned, act

HISTORIES = {"cart": ("cart-*",)}

_PRICE = act("lookup", "item")

CHANGES = (
    Change("cart-as-it-is", "cart", ()),
    Change(
        "cart-lookup-removed",
        "cart",
        ((f"price = {_PRICE}", "price = 3"),),
        (Outcome(f"{ACTIVITY} lookup", "activity-removed", "return price * count"),),
    ),
    Change(
        "cart-update-removed",
        "cart",
        (
            ("    @workflow.update\n    async def add", "    @workflow.update\n    async def put"),
            ("@add.validator", "@put.validator"),
        ),
        (Outcome("WorkflowExecutionUpdateAccepted", "update-handler-changed", ""),),
    ),
    Change(
        "cart-update-keeps-its-name",
        "cart",
        (
            ("    @workflow.update\n    async def add", '    @workflow.update(name="add")\n    async def put'),
            ("@add.validator", "@put.validator"),
        ),
    ),
    Change(
        "cart-validator-stricter",
        "cart",
        (("if count <= 0", "if count <= 5"),),
    ),
    Change(
        "cart-clear-does-more",
        "cart",
        (("    def clear(self) -> int:\n", f"    async def clear(self) -> int:\n        {AUDIT}\n"),),
        (
            Outcome(
                "WorkflowExecutionUpdateCompleted #2",
                "activity-added",
                "activities.audit",
                only=("cart-cleared",),
            ),
        ),
    ),
    Change(
        "cart-charge-always",
        "cart",
        (("        if total:\n", "        if total >= 0:\n"),),
        (Outcome(COMPLETED, "activity-added", "activities.charge", only=("cart-empty", "cart-cleared")),),
    ),
    Change(
        "cart-result-of-update",
        "cart",
        (("return price * count", "return price + count"),),
        (),
        (Warned("WorkflowExecutionUpdateCompleted", "workflow-result-changed"),),
    ),
)
