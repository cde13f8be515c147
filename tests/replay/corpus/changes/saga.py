"""Versions of the saga that orders, charges and ships (`workflows/saga.py`)."""

from __future__ import annotations

from tests.replay.corpus.changes.shapes import ACTIVITY, AUDIT, COMPLETED, FAILED, TIMER, Change, Outcome, Warned, act

HISTORIES = {"saga": ("saga-*",), "saga_broken": ("saga-stuck", "saga-ships")}

_RESERVE = act("reserve", "order")
_CHARGE = act("charge", "args=[order, 40]")

CHANGES = (
    Change("saga-as-it-is", "saga", ()),
    Change(
        "saga-log-line",
        "saga",
        (("        undo: list", '        workflow.logger.info("starting %s", order)\n        undo: list'),),
    ),
    Change(
        "saga-audit-added",
        "saga",
        (
            (
                "            undo.append(activities.release)",
                f"            undo.append(activities.release)\n            {AUDIT}",
            ),
        ),
        (Outcome(f"{ACTIVITY} charge", "activity-added", "activities.audit"),),
    ),
    Change(
        "saga-audit-added-first",
        "saga",
        ((f"            {_RESERVE}", f"            {AUDIT}\n            {_RESERVE}"),),
        (Outcome(f"{ACTIVITY} reserve", "activity-added", "activities.audit"),),
    ),
    Change(
        "saga-audit-added-last",
        "saga",
        (("        return receipt", f"        {AUDIT}\n        return receipt"),),
        (Outcome(COMPLETED, "activity-added", "activities.audit"),),
    ),
    Change(
        "saga-audit-added-patched",
        "saga",
        (
            (
                "            undo.append(activities.release)",
                f'            undo.append(activities.release)\n            if workflow.patched("audit"):\n                {AUDIT}',
            ),
        ),
    ),
    Change(
        "saga-charge-removed",
        "saga",
        ((f"            {_CHARGE}\n", ""),),
        (Outcome(f"{ACTIVITY} charge", "activity-removed", "activities.ship"),),
    ),
    Change(
        "saga-ship-renamed",
        "saga",
        (("activities.ship", "activities.notify"),),
        (Outcome(f"{ACTIVITY} ship", "activity-renamed", "activities.notify"),),
    ),
    Change(
        "saga-reserve-by-name",
        "saga",
        (("activities.reserve", '"reserve"'),),
    ),
    Change(
        "saga-charge-and-reserve-swapped",
        "saga",
        ((_RESERVE, "@1"), (_CHARGE, _RESERVE), ("@1", _CHARGE)),
        (
            # Runs that got no further than the first step have nothing to tell a swap by.
            Outcome(f"{ACTIVITY} reserve", "activity-added", "activities.charge", only=("saga-refused", "saga-stuck")),
            Outcome(f"{ACTIVITY} reserve", "activity-reordered", "activities.charge"),
        ),
    ),
    Change(
        "saga-sleep-removed",
        "saga",
        (("        await workflow.sleep(0.05)\n", ""),),
        (Outcome(TIMER, "timer-removed", "return receipt"),),
    ),
    Change(
        "saga-sleep-longer",
        "saga",
        (("sleep(0.05)", "sleep(3600)"),),
        (),
        (Warned(TIMER, "timer-duration-changed"),),
    ),
    Change(
        "saga-sleep-added",
        "saga",
        ((f"            {_CHARGE}", f"            await workflow.sleep(5)\n            {_CHARGE}"),),
        (Outcome(f"{ACTIVITY} charge", "timer-added", "workflow.sleep(5)"),),
    ),
    Change(
        "saga-amount-changed",
        "saga",
        (("[order, 40]", "[order, 50]"),),
        (),
        (Warned(f"{ACTIVITY} charge", "arguments-changed"),),
    ),
    Change(
        "saga-timeout-changed",
        "saga",
        (("timedelta(seconds=10)", "timedelta(seconds=20)"),),
        (),
        (Warned(f"{ACTIVITY} reserve", "options-changed"),),
    ),
    Change(
        "saga-result-changed",
        "saga",
        (("return receipt", 'return "done"'),),
        (),
        (Warned(COMPLETED, "workflow-result-changed"),),
    ),
    Change(
        "saga-undo-in-order",
        "saga",
        (("reversed(undo)", "undo"),),
        (Outcome(f"{ACTIVITY} refund", "activity-reordered", "activity(step"),),
    ),
    Change(
        "saga-swallows-failure",
        "saga",
        (
            (
                '            raise ApplicationError(f"order {order} was undone") from error',
                '            return f"undone {error}"',
            ),
        ),
        (Outcome(FAILED, "workflow-outcome-changed", 'return f"undone'),),
    ),
    Change(
        "saga-raises-a-bug",
        "saga",
        (("            undo.append(activities.refund)", '            raise KeyError("bug")'),),
        (Outcome(f"{ACTIVITY} ship", "workflow-raised", 'raise KeyError("bug")', "workflow_error"),),
    ),
    Change(
        "saga-unregistered",
        "saga",
        (("class OrderSaga", "class OrderSaga2"),),
        (Outcome("WorkflowExecutionStarted", "unregistered", "", "unregistered"),),
    ),
    Change(
        "saga-registered-under-old-name",
        "saga",
        (("@workflow.defn\nclass OrderSaga", '@workflow.defn(name="OrderSaga")\nclass Saga'),),
    ),
    Change(
        "saga-argument-type-changed",
        "saga",
        (("async def run(self, order: str)", "async def run(self, order: int)"),),
        (Outcome("WorkflowExecutionStarted", "payload-undecodable", "", "decode_error"),),
    ),
    Change(
        "saga-reads-the-clock-in-the-sandbox",
        "saga",
        (
            ("        undo: list", "        print(datetime.now())\n        undo: list"),
            ("import timedelta", "import datetime, timedelta"),
        ),
        (Outcome(f"{ACTIVITY} reserve", "sandbox-restriction", "datetime.now()", "workflow_error"),),
    ),
    Change(
        "saga-deadlocks",
        "saga",
        (("        undo: list", "        while order:\n            order += order[:0]\n        undo: list"),),
        (Outcome("WorkflowTaskStarted", "deadlock", "", "timeout"),),
        (),
        "saga-ships",
    ),
    Change(
        "saga-broken-as-deployed",
        "saga_broken",
        (),
        (
            Outcome(
                "WorkflowTaskStarted #4", "workflow-raises-now", "prices[order]", "workflow_error", ("saga-stuck",)
            ),
            Outcome(f"{ACTIVITY} charge", "workflow-raised", "prices[order]", "workflow_error"),
        ),
    ),
)
