"""Versions of the fulfilment of orders (`workflows/orders/`): code in several files."""

from __future__ import annotations

from tests.replay.corpus.changes.shapes import ACTIVITY, FAILED, TIMER, Change, Outcome, Warned

HISTORIES = {"orders": ("orders-*",)}

_CHARGE = 'return str(await workflow.execute_activity("charge_card", f"{order.number}:{amount}", **DEFAULTS))'
_RESERVE = '        await self.step("reserve_items", order.number)\n        try'
_GIVE_BACK = "            await give_back(order)\n"
_RELEASE = '            await self.step("release_items", order.number)\n'
_STOCK = 'stock = await asyncio.gather(*(self.step("check_stock", item.sku) for item in order.items))'

CHANGES = (
    Change("orders-as-they-are", "orders", ()),
    Change(
        "orders-helper-extracted",
        "orders",
        (
            ("payment.py", _CHARGE, "return await _charge(order.number, amount)"),
            (
                "payment.py",
                "async def give_back",
                (
                    "async def _charge(number: str, amount: int) -> str:\n"
                    '    return str(await workflow.execute_activity("charge_card", f"{number}:{amount}", **DEFAULTS))\n\n\n'
                    "async def give_back"
                ),
            ),
        ),
    ),
    Change(
        "orders-more-attempts",
        "orders",
        (("base.py", "maximum_attempts=5", "maximum_attempts=9"),),
        (),
        (Warned(ACTIVITY, "options-changed"),),
    ),
    Change(
        "orders-audit-in-the-base-class",
        "orders",
        (
            (
                "base.py",
                "        result = await",
                '        await workflow.execute_activity("log_audit", name, **DEFAULTS)\n        result = await',
            ),
        ),
        (Outcome(f"{ACTIVITY} check_stock", "activity-added", '"log_audit"'),),
    ),
    Change(
        "orders-audit-as-a-step",
        "orders",
        (("flow.py", _RESERVE, f'        await self.step("log_audit", order.number)\n{_RESERVE}'),),
        (Outcome(f"{ACTIVITY} reserve_items", "activity-added", 'step("log_audit", order.number)'),),
    ),
    Change(
        "orders-pause-in-a-helper",
        "orders",
        (("payment.py", "    try:\n", "    await workflow.sleep(1)\n    try:\n"),),
        (Outcome(f"{ACTIVITY} charge_card", "timer-added", "workflow.sleep(1)"),),
    ),
    Change(
        "orders-stock-one-by-one",
        "orders",
        (("flow.py", _STOCK, 'stock = [await self.step("check_stock", item.sku) for item in order.items]'),),
        (Outcome(f"{ACTIVITY} check_stock #2", "wait-changed", "for item in order.items]"),),
    ),
    Change(
        "orders-refund-after-release",
        "orders",
        (("flow.py", _GIVE_BACK + _RELEASE, _RELEASE + _GIVE_BACK),),
        (Outcome(f"{ACTIVITY} refund_card", "activity-reordered", 'step("release_items", order.number)'),),
    ),
    Change(
        "orders-wait-before-payment",
        "orders",
        (
            (
                "flow.py",
                "        try:\n            await take_payment",
                (
                    "        await workflow.wait_condition(lambda: len(self.steps) > 50)\n"
                    "        try:\n            await take_payment"
                ),
            ),
        ),
        (Outcome(f"{ACTIVITY} charge_card", "wait-changed", "len(self.steps) > 50"),),
    ),
    Change(
        "orders-handler-removed",
        "orders",
        (("flow.py", "    @workflow.signal\n    async def cancel_order", "    async def cancel_order"),),
        (Outcome(f"{ACTIVITY} log_audit", "signal-handler-changed", "workflow.sleep(delay)"),),
    ),
    Change(
        "orders-wait-instead-of-sleep",
        "orders",
        (
            (
                "flow.py",
                "        await workflow.sleep(delay)",
                (
                    "        try:\n            await workflow.wait_condition(lambda: False, timeout=delay)\n"
                    "        except asyncio.TimeoutError:\n            pass"
                ),
            ),
        ),
    ),
    Change(
        "orders-low-priority-never-waits",
        "orders",
        (
            (
                "flow.py",
                "        await workflow.sleep(delay)",
                "        if order.priority is Priority.HIGH:\n            await workflow.sleep(delay)",
            ),
        ),
        (Outcome(TIMER, "timer-removed", "create_label", only=("orders-plain", "orders-cancelled")),),
    ),
    Change(
        "orders-unreserved-is-no-failure",
        "orders",
        (
            (
                "flow.py",
                _RESERVE,
                (
                    '        try:\n            await self.step("reserve_items", order.number)\n'
                    '        except Exception:\n            return Receipt(order.number, "")\n        try'
                ),
            ),
        ),
        (Outcome(FAILED, "workflow-outcome-changed", 'return Receipt(order.number, "")'),),
    ),
)
