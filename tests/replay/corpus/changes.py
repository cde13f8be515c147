"""Changed versions of the corpus's workflows, and what each must be found to do to its histories.

What is expected is told without the checker: an `Outcome` names the event by its type and name ("the first
ActivityTaskScheduled of charge"), the rule, and the line of the new code. The first outcome whose event a history has is
expected of it; a history that has none of them fits, with exactly the warnings that are named.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    at: str
    """`EventType [name] [#n]`"""
    rule: str
    line: str
    """What the reported line holds."""
    verdict: str = "nondeterminism"
    only: tuple[str, ...] = ()
    """Histories this outcome is meant for; all when empty."""


@dataclass(frozen=True)
class Warned:
    at: str
    rule: str
    only: tuple[str, ...] = ()


@dataclass(frozen=True)
class Change:
    name: str
    module: str
    edits: tuple[tuple[str, str], ...]
    outcomes: tuple[Outcome, ...] = ()
    warned: tuple[Warned, ...] = ()
    histories: str = ""
    """Glob of the histories it is tried on, when not those of the module."""


HISTORIES = {
    "saga": ("saga-*",),
    "saga_broken": ("saga-stuck", "saga-ships"),
    "approval": ("approval-*", "dispatch-both-target"),
    "fan_out": ("fan-out-*",),
    "children": ("children-*",),
    "pages": ("pages-*",),
    "cart": ("cart-*",),
    "patched": ("billing-*",),
    "patched_before": ("billing-old*",),
    "local": ("pricing*",),
    "chance": ("lottery-*",),
    "cancelling": ("job-*",),
    "machine": ("subscription-*", "dispatch-both-victim"),
    "retrying": ("upload*",),
    "attributes": ("shipment*",),
    "external": ("dispatch-nobody", "dispatch-both"),
    "batch": ("batch-*",),
}

ACTIVITY, TIMER, CHILD = "ActivityTaskScheduled", "TimerStarted", "StartChildWorkflowExecutionInitiated"
COMPLETED, FAILED, TASK = "WorkflowExecutionCompleted", "WorkflowExecutionFailed", "WorkflowTaskCompleted"
_CALL = "start_to_close_timeout=SHORT)"


def _act(name: str, argument: str) -> str:
    return f"await workflow.execute_activity(activities.{name}, {argument}, {_CALL}"


_RESERVE = _act("reserve", "order")
_CHARGE = _act("charge", "args=[order, 40]")
_SHIP = _act("ship", "order")
_STEP = f"await workflow.execute_activity(step, order, {_CALL}"
_AUDIT = _act("audit", '"x"')

_SAGA = (
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
                f"            undo.append(activities.release)\n            {_AUDIT}",
            ),
        ),
        (Outcome(f"{ACTIVITY} charge", "activity-added", "activities.audit"),),
    ),
    Change(
        "saga-audit-added-first",
        "saga",
        ((f"            {_RESERVE}", f"            {_AUDIT}\n            {_RESERVE}"),),
        (Outcome(f"{ACTIVITY} reserve", "activity-added", "activities.audit"),),
    ),
    Change(
        "saga-audit-added-last",
        "saga",
        (("        return receipt", f"        {_AUDIT}\n        return receipt"),),
        (Outcome(COMPLETED, "activity-added", "activities.audit"),),
    ),
    Change(
        "saga-audit-added-patched",
        "saga",
        (
            (
                "            undo.append(activities.release)",
                f'            undo.append(activities.release)\n            if workflow.patched("audit"):\n                {_AUDIT}',
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

_NOTIFY = _act("notify", 'f"please approve {document}"')
_STORE = _act("store", "document")
_LATE = _act("audit", 'f"{document} timed out"')
_REJECTED = _act("audit", 'f"{document} rejected"')
_TRY = "        try:\n"

_APPROVAL = (
    Change("approval-as-it-is", "approval", ()),
    Change(
        "approval-sleep-added",
        "approval",
        ((_TRY, f"        await workflow.sleep(1)\n{_TRY}"),),
        (
            Outcome(f"{ACTIVITY} store", "timer-added", "workflow.sleep(1)", only=("approval-early",)),
            Outcome(
                TIMER,
                "timer-added",
                "workflow.sleep(1)",
                only=("approval-approved", "approval-rejected", "dispatch-both-target", "approval-late"),
            ),
        ),
        (Warned(TIMER, "timer-duration-changed"),),
    ),
    Change(
        "approval-audit-started",
        "approval",
        ((_TRY, f'        workflow.start_activity(activities.audit, "x", {_CALL}\n{_TRY}'),),
        (
            Outcome(TIMER, "activity-added", '"x"'),
            Outcome(f"{ACTIVITY} store", "activity-added", '"x"'),
        ),
    ),
    Change(
        "approval-audit-started-at-the-end",
        "approval",
        (
            (
                f"        {_NOTIFY}",
                f'        job = workflow.start_activity(activities.notify, f"please approve {{document}}", {_CALL}\n        workflow.start_activity(activities.audit, "x", {_CALL}\n        await job',
            ),
        ),
        (Outcome(TASK, "activity-added", '"x"'),),
    ),
    Change(
        "approval-waits-for-ever",
        "approval",
        ((", timeout=timedelta(seconds=seconds)", ""),),
        (Outcome(TIMER, "timer-removed", "wait_condition"),),
    ),
    Change(
        "approval-store-removed",
        "approval",
        ((_STORE, "pass"),),
        (Outcome(f"{ACTIVITY} store", "activity-removed", "return self.decision"),),
    ),
    Change(
        "approval-decisions-inverted",
        "approval",
        (('self.decision == "approve"', 'self.decision != "approve"'),),
        (
            Outcome(f"{ACTIVITY} store", "branch-changed", "rejected"),
            Outcome(f"{ACTIVITY} audit", "branch-changed", "activities.store", only=("approval-rejected",)),
        ),
    ),
    Change(
        "approval-other-word",
        "approval",
        (('self.decision == "approve"', 'self.decision == "yes"'),),
        (Outcome(f"{ACTIVITY} store", "branch-changed", "rejected"),),
    ),
    Change(
        "approval-signal-renamed",
        "approval",
        (("    @workflow.signal\n    async def decide", "    @workflow.signal\n    async def resolve"),),
        (
            Outcome(
                "TimerCanceled",
                "signal-handler-changed",
                "wait_condition",
                only=("approval-approved", "approval-rejected", "dispatch-both-target"),
            ),
            Outcome(f"{ACTIVITY} store", "signal-handler-changed", "wait_condition", only=("approval-early",)),
        ),
    ),
    Change(
        "approval-signal-keeps-its-name",
        "approval",
        (("    @workflow.signal\n    async def decide", '    @workflow.signal(name="decide")\n    async def resolve'),),
    ),
    Change(
        "approval-timeout-doubled",
        "approval",
        (("seconds=seconds", "seconds=seconds * 2"),),
        (),
        (Warned(TIMER, "timer-duration-changed"),),
    ),
    Change(
        "approval-raises-in-the-open-task",
        "approval",
        (
            (
                '        if self.decision == "approve":',
                '        if self.decision:\n            raise RuntimeError("bug")\n        if self.decision == "approve":',
            ),
        ),
        (
            Outcome(
                "WorkflowTaskStarted #3",
                "workflow-raises-now",
                'RuntimeError("bug")',
                "workflow_error",
                ("approval-started",),
            ),
            Outcome(
                "WorkflowTaskScheduled #3",
                "workflow-raises-now",
                'RuntimeError("bug")',
                "workflow_error",
                ("approval-scheduled",),
            ),
            Outcome(
                "TimerCanceled",
                "workflow-raised",
                'RuntimeError("bug")',
                "workflow_error",
                ("approval-approved", "approval-rejected", "dispatch-both-target"),
            ),
            Outcome(
                f"{ACTIVITY} store", "workflow-raised", 'RuntimeError("bug")', "workflow_error", ("approval-early",)
            ),
        ),
    ),
    Change(
        "approval-notice-reworded",
        "approval",
        (("please approve", "do approve"),),
        (),
        (Warned(f"{ACTIVITY} notify", "arguments-changed"),),
    ),
    Change(
        "approval-late-renamed",
        "approval",
        ((_LATE, _act("cleanup", 'f"{document} timed out"')),),
        (Outcome(f"{ACTIVITY} audit", "activity-renamed", "activities.cleanup", only=("approval-late",)),),
    ),
)

_RESIZE = f"workflow.execute_activity(activities.resize, args=[image, 100], {_CALL}"
_LOOKUP = f'workflow.execute_activity(activities.lookup, ",".join(small), {_CALL}'
_STORE_FIRST = f"workflow.execute_activity(activities.store, small[0], {_CALL}"
_FIRST = f"        first = workflow.start_activity(activities.notify, text, {_CALL}\n"
_SECOND = f"        second = workflow.start_activity(activities.audit, text, {_CALL}\n"

_FAN_OUT = (
    Change("fan-out-as-it-is", "fan_out", ()),
    Change(
        "fan-out-wider",
        "fan_out",
        (("[image, 100]", "[image, 200]"),),
        (),
        (Warned(f"{ACTIVITY} resize", "arguments-changed"),),
    ),
    Change(
        "fan-out-images-reversed",
        "fan_out",
        (("for image in images", "for image in reversed(images)"),),
        (),
        (
            Warned(
                f"{ACTIVITY} resize",
                "arguments-changed",
                ("fan-out-3", "fan-out-20", "fan-out-flaky", "fan-out-failed"),
            ),
        ),
    ),
    Change(
        "fan-out-one-image-less",
        "fan_out",
        (("for image in images", "for image in images[1:]"),),
        (Outcome(f"{ACTIVITY} resize", "activity-removed", "activities.resize", only=()),),
        (),
        "fan-out-3",
    ),
    Change(
        "fan-out-gather-swapped",
        "fan_out",
        (
            (
                f"            {_LOOKUP},\n            {_STORE_FIRST},",
                f"            {_STORE_FIRST},\n            {_LOOKUP},",
            ),
            ("total, name", "name, total"),
        ),
        (Outcome(f"{ACTIVITY} lookup", "activity-reordered", "activities.store"),),
    ),
    Change(
        "fan-out-gather-extended",
        "fan_out",
        (
            (
                f"            {_STORE_FIRST},",
                f'            {_STORE_FIRST},\n            workflow.execute_activity(activities.cleanup, "x", {_CALL},',
            ),
            ("total, name =", "total, name, _ ="),
        ),
        (Outcome(f"{TASK} @{ACTIVITY} store", "activity-added", "activities.cleanup"),),
    ),
    Change(
        "fan-out-gather-renamed",
        "fan_out",
        (("activities.lookup", "activities.ship"),),
        (Outcome(f"{ACTIVITY} lookup", "activity-renamed", "activities.ship"),),
    ),
    Change(
        "fan-out-report-swapped",
        "fan_out",
        ((_FIRST + _SECOND, _SECOND + _FIRST),),
        (Outcome(f"{ACTIVITY} notify", "activity-reordered", "activities.audit"),),
    ),
    Change(
        "fan-out-report-in-a-row",
        "fan_out",
        ((_SECOND + "        await first\n", "        await first\n" + _SECOND),),
        (Outcome(f"{ACTIVITY} audit", "wait-changed", "await first"),),
    ),
    Change(
        "fan-out-report-removed",
        "fan_out",
        (('        await self._report(f"{total} {name}")\n', ""),),
        (Outcome(f"{ACTIVITY} notify", "activity-removed", "return [*small, name]"),),
    ),
    Change(
        "fan-out-over-a-set",
        "fan_out",
        (
            ("@workflow.defn", "@workflow.defn(sandboxed=False)"),
            (
                "        total, name",
                '        for kind in {"a", "b"}:\n            await workflow.execute_activity(kind, "x", start_to_close_timeout=SHORT)\n        total, name',
            ),
        ),
        (Outcome(f"{ACTIVITY} lookup", "nondeterministic-iteration-order", "activity(kind"),),
    ),
)

_PARCELS = '            *(workflow.execute_child_workflow(Parcel.run, name, id=f"{me}/{name}") for name in names),'
_COURIER = '        courier = await workflow.start_child_workflow(Courier.run, "courier", id=f"{me}/courier")\n'

_CHILDREN = (
    Change("children-as-it-is", "children", ()),
    Change(
        "children-other-ids",
        "children",
        (('id=f"{me}/{name}"', 'id=f"{me}-{name}"'),),
        (Outcome(f"{CHILD} Parcel", "child-id-changed", "Parcel.run"),),
    ),
    Change(
        "children-courier-id",
        "children",
        (('id=f"{me}/courier"', 'id="courier"'),),
        (Outcome(f"{CHILD} Courier", "child-id-changed", "Courier.run"),),
    ),
    Change(
        "children-random-ids",
        "children",
        ((', id=f"{me}/courier"', ""),),
        (Outcome(f"{CHILD} Courier", "child-id-changed", "Courier.run"),),
    ),
    Change(
        "children-courier-is-a-parcel",
        "children",
        (
            ('start_child_workflow(Courier.run, "courier"', 'start_child_workflow("Van", "courier"'),
            ("courier.signal(Courier.finish)", 'courier.signal("finish")'),
        ),
        (Outcome(f"{CHILD} Courier", "child-renamed", '"Van"'),),
    ),
    Change(
        "children-courier-removed",
        "children",
        (
            (_COURIER, ""),
            ("        await courier.signal(Courier.finish)\n        home = await courier\n", '        home = ""\n'),
        ),
        (
            Outcome(f"{CHILD} Courier", "child-removed", "Parcel.run", only=("children-two", "children-lost")),
            Outcome(f"{CHILD} Courier", "child-removed", "return [home", only=("children-none",)),
        ),
    ),
    Change(
        "children-another-courier",
        "children",
        (
            (
                _COURIER,
                _COURIER + '        await workflow.start_child_workflow(Courier.run, "spare", id=f"{me}/spare")\n',
            ),
        ),
        (
            Outcome(f"{CHILD} Parcel", "child-added", '"spare"'),
            Outcome("SignalExternalWorkflowExecutionInitiated", "child-added", '"spare"'),
        ),
    ),
    Change(
        "children-signal-removed",
        "children",
        (("        await courier.signal(Courier.finish)\n", ""),),
        (Outcome("SignalExternalWorkflowExecutionInitiated", "signal-removed", "await courier"),),
    ),
    Change(
        "children-signal-with-other-text",
        "children",
        (("courier.signal(Courier.finish)", 'courier.signal("done")'),),
        (),
        (Warned("SignalExternalWorkflowExecutionInitiated", "arguments-changed"),),
    ),
    Change(
        "children-activity-in-parcel",
        "children",
        ((f"        return {_act('store', 'name')}", f"        {_AUDIT}\n        return {_act('store', 'name')}"),),
        (Outcome(f"{ACTIVITY} store", "activity-added", "activities.audit"),),
    ),
    Change(
        "children-audit-removed",
        "children",
        ((_act("audit", 'f"{failed} lost"'), "pass"),),
        (Outcome(f"{ACTIVITY} audit", "activity-removed", "return [home"),),
    ),
    Change(
        "children-abandoned",
        "children",
        (('id=f"{me}/{name}")', 'id=f"{me}/{name}", parent_close_policy=workflow.ParentClosePolicy.ABANDON)'),),
        (),
        (Warned(f"{CHILD} Parcel", "options-changed"),),
    ),
)

_PAGES = (
    Change("pages-as-it-is", "pages", ()),
    Change(
        "pages-never-continues",
        "pages",
        (("if done == per_run:", "if done == per_run * 10:"),),
        (Outcome("WorkflowExecutionContinuedAsNew", "continue-as-new-changed", "activities.fetch_page"),),
    ),
    Change(
        "pages-continues-earlier",
        "pages",
        (("if done == per_run:", "if done == 1:"),),
        (Outcome(f"{ACTIVITY} fetch_page #2", "continue-as-new-changed", "workflow.continue_as_new"),),
    ),
    Change(
        "pages-returns-instead",
        "pages",
        (("workflow.continue_as_new(args=[page, last, per_run])", "return page"),),
        (Outcome("WorkflowExecutionContinuedAsNew", "continue-as-new-changed", "return page"),),
    ),
    Change(
        "pages-other-arguments",
        "pages",
        (("args=[page, last, per_run]", "args=[page, last, per_run + 1]"),),
        (),
        (Warned("WorkflowExecutionContinuedAsNew", "arguments-changed"),),
    ),
    Change(
        "pages-two-items",
        "pages",
        (("for item in items:", "for item in items[:2]:"),),
        (
            Outcome(
                f"{ACTIVITY} store #3",
                "activity-removed",
                "activities.fetch_page",
                only=("pages-chain.1", "pages-chain.2"),
            ),
            Outcome(f"{ACTIVITY} store #3", "activity-removed", "return page"),
        ),
    ),
    Change(
        "pages-loop-by-time",
        "pages",
        (
            ("@workflow.defn", "@workflow.defn(sandboxed=False)"),
            ("import timedelta\n", "import timedelta\nimport time\n"),
            ("if page > last:", "if time.time() > 0:"),
        ),
        (Outcome(f"{ACTIVITY} fetch_page #2", "nondeterministic-time", "return page"),),
    ),
)

_PRICE = _act("lookup", "item")

_CART = (
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
        (("    def clear(self) -> int:\n", f"    async def clear(self) -> int:\n        {_AUDIT}\n"),),
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

_PATCHED = (
    Change("billing-as-it-is", "patched", ()),
    Change(
        "billing-patch-removed",
        "patched",
        (
            (
                f'        if workflow.patched("audit-first"):\n            {_act("audit", "account")}',
                f"        {_act('audit', 'account')}",
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
        ((f'        if workflow.patched("audit-first"):\n            {_act("audit", "account")}\n', ""),),
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
                f'        if workflow.patched("audit-first"):\n            {_act("audit", "account")}',
                f'        workflow.deprecate_patch("audit-first")\n        {_act("audit", "account")}',
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
                f'        if workflow.patched("audit-first"):\n            {_act("audit", "account")}\n        await workflow.sleep(0.05)\n',
                f'        await workflow.sleep(0.05)\n        if workflow.patched("audit-first"):\n            {_act("audit", "account")}\n',
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
                f'        if workflow.patched("more"):\n            {_act("notify", "account")}\n        await workflow.sleep(0.05)',
            ),
        ),
    ),
    Change("billing-before-patches", "patched_before", ()),
)

_LOCAL = (
    Change("pricing-as-it-is", "local", ()),
    Change(
        "pricing-last-removed",
        "local",
        ((f"last = await workflow.execute_local_activity(activities.lookup, basket, {_CALL}", "last = 0"),),
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
                f'        await workflow.execute_local_activity(activities.lookup, "k", {_CALL}\n        both = await',
            ),
        ),
        (Outcome(f"{ACTIVITY} audit", "local-activity-added", "basket * 3", only=()),),
    ),
    Change(
        "pricing-audit-removed",
        "local",
        ((f"        {_act('audit', 'basket')}\n", ""),),
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

_CHANCE = (
    Change("lottery-as-it-is", "chance", ()),
    Change(
        "lottery-by-the-clock",
        "chance",
        (
            ("@workflow.defn", "@workflow.defn(sandboxed=False)"),
            ("import timedelta\n", "import timedelta\nimport time\n"),
            ("if number > 50:", "if time.time() < 0:"),
        ),
        (Outcome(f"{ACTIVITY} notify", "nondeterministic-time", "loses"),),
    ),
    Change(
        "lottery-by-chance",
        "chance",
        (
            ("@workflow.defn", "@workflow.defn(sandboxed=False)"),
            ("import timedelta\n", "import timedelta\nimport random\n"),
            # Always on the other side of the branch, and never the number that was drawn then.
            ("workflow.random().randint(1, 100)", "random.randint(-50, -1)"),
        ),
        (Outcome(f"{ACTIVITY} notify", "nondeterministic-random", "loses"),),
        (Warned(COMPLETED, "workflow-result-changed"),),
    ),
    Change(
        "lottery-by-the-machine",
        "chance",
        (
            ("@workflow.defn", "@workflow.defn(sandboxed=False)"),
            ("import timedelta\n", "import timedelta\nimport os\n"),
            ("if number > 50:", 'if os.environ.get("NO_SUCH_LOTTERY"):'),
        ),
        (Outcome(f"{ACTIVITY} notify", "nondeterministic-env", "loses"),),
    ),
    Change(
        "lottery-by-a-global",
        "chance",
        (
            ("SHORT =", "DRAWN: list[str] = []\nSHORT ="),
            ("if number > 50:", "DRAWN.append(name)\n        if len(DRAWN) > 1:"),
        ),
        (Outcome(f"{ACTIVITY} notify", "nondeterministic-global-state", "loses"),),
    ),
    Change(
        "lottery-other-odds",
        "chance",
        (("number > 50", "number > 1000"),),
        (Outcome(f"{ACTIVITY} notify", "branch-changed", "loses"),),
    ),
    Change(
        "lottery-draws-first",
        "chance",
        (
            ("        ticket = str(workflow.uuid4())\n", ""),
            (
                "        started = workflow.now()",
                "        ticket = str(workflow.uuid4())\n        started = workflow.now()",
            ),
            ("number > 50", "number >= 0 and 'n2' not in name"),
        ),
        (),
        (Warned(f"{ACTIVITY} store", "arguments-changed"), Warned(COMPLETED, "workflow-result-changed")),
    ),
    Change(
        "lottery-store-twice",
        "chance",
        (
            (
                f"        {_act('store', 'ticket')}",
                f"        {_act('store', 'ticket')}\n        {_act('store', 'name')}",
            ),
        ),
        (Outcome(COMPLETED, "activity-added", "activities.store, name"),),
    ),
)

_CANCELLING = (
    Change("job-as-it-is", "cancelling", ()),
    Change(
        "job-does-not-cancel",
        "cancelling",
        (
            (
                "            job.cancel()\n            try:\n                await job\n            except ActivityError:\n                pass\n            return",
                "            return",
            ),
        ),
        (Outcome("ActivityTaskCancelRequested", "cancel-removed", 'return "too slow"', only=("job-slow",)),),
    ),
    Change(
        "job-keeps-its-timer",
        "cancelling",
        (("                timer.cancel()\n", ""),),
        (Outcome("TimerCanceled", "cancel-removed", "return job.result()"),),
    ),
    Change(
        "job-cleanup-removed",
        "cancelling",
        (
            (
                "            await asyncio.shield(workflow.execute_activity(activities.cleanup, name, start_to_close_timeout=SHORT))\n",
                "",
            ),
        ),
        (Outcome(f"{ACTIVITY} cleanup", "activity-removed", "raise"),),
    ),
    Change(
        "job-timer-first",
        "cancelling",
        (
            (
                "        job = workflow.start_activity(",
                "        await workflow.sleep(0.01)\n        job = workflow.start_activity(",
            ),
        ),
        (Outcome(f"{ACTIVITY} long_job", "timer-added", "workflow.sleep(0.01)"),),
    ),
    Change(
        "job-swallows-cancellation",
        "cancelling",
        (
            (
                "start_to_close_timeout=SHORT))\n            raise",
                'start_to_close_timeout=SHORT))\n            return "cancelled"',
            ),
        ),
        (Outcome("WorkflowExecutionCanceled", "workflow-outcome-changed", 'return "cancelled"'),),
    ),
)

_REFUND = _act("refund", "customer")

_MACHINE = (
    Change("subscription-as-it-is", "machine", ()),
    Change(
        "subscription-notify-on-pause",
        "machine",
        (
            (
                "                self.paused = True",
                f"                self.paused = True\n                {_act('notify', 'customer')}",
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
        ((_act("notify", "text"), "pass"),),
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
)

_MORE_MACHINE = (
    Change(
        "subscription-audit-after-charge",
        "machine",
        (
            (
                "                    )\n                )",
                f'                    )\n                )\n                workflow.start_activity(activities.audit, "x", {_CALL}',
            ),
        ),
        (
            Outcome(f"{TASK} #3", "activity-added", "activities.audit", only=("subscription-cancelled",)),
            Outcome(f"{ACTIVITY} refund", "activity-added", "activities.audit", only=("subscription-paused",)),
        ),
        (Warned(f"{TASK} #2", "extra-commands-at-open-end", only=("subscription-open",)),),
    ),
)

_RETRYING = (
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

_ATTRIBUTES = (
    Change("shipment-as-it-is", "attributes", ()),
    Change(
        "shipment-other-stage",
        "attributes",
        (('"packing"', '"boxing"'),),
        (),
        (Warned("UpsertWorkflowSearchAttributes", "attributes-changed"),),
    ),
    Change(
        "shipment-memo-removed",
        "attributes",
        (('        workflow.upsert_memo({"packed": name})\n', ""),),
        (Outcome("WorkflowPropertiesModified", "attributes-removed", "upsert_search_attributes"),),
    ),
    Change(
        "shipment-attributes-removed",
        "attributes",
        (('        workflow.upsert_search_attributes([STAGE.value_set("packing"), COUNT.value_set(1)])\n', ""),),
        (Outcome("UpsertWorkflowSearchAttributes", "attributes-removed", "activities.store"),),
    ),
    Change(
        "shipment-memo-added",
        "attributes",
        (
            (
                f"        {_act('store', 'name')}",
                f'        workflow.upsert_memo({{"begun": name}})\n        {_act("store", "name")}',
            ),
        ),
        (Outcome(f"{ACTIVITY} store", "attributes-added", "upsert_memo"),),
    ),
    Change(
        "shipment-memo-after-stage",
        "attributes",
        (
            (
                '        workflow.upsert_memo({"packed": name})\n        workflow.upsert_search_attributes([STAGE.value_set("moving")])\n',
                '        workflow.upsert_search_attributes([STAGE.value_set("moving")])\n        workflow.upsert_memo({"packed": name})\n',
            ),
        ),
        (Outcome("WorkflowPropertiesModified", "commands-reordered", "upsert_search_attributes"),),
    ),
)

_EXTERNAL = (
    Change("dispatch-as-it-is", "external", ()),
    Change(
        "dispatch-no-signal",
        "external",
        (('await handle.signal("decide", "approve")', "pass"),),
        (
            Outcome("SignalExternalWorkflowExecutionInitiated", "signal-removed", "cancel()", only=("dispatch-both",)),
            Outcome("SignalExternalWorkflowExecutionInitiated", "signal-removed", "activities.notify"),
        ),
    ),
    Change(
        "dispatch-no-cancel",
        "external",
        (("await workflow.get_external_workflow_handle(victim).cancel()", "pass"),),
        (Outcome("RequestCancelExternalWorkflowExecutionInitiated", "cancel-removed", "activities.notify"),),
    ),
    Change(
        "dispatch-other-word",
        "external",
        (('"approve"', '"no"'),),
        (),
        (Warned("SignalExternalWorkflowExecutionInitiated", "arguments-changed"),),
    ),
)

_BATCH = (
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
        (("            total +=", f"            if number == 100:\n                {_AUDIT}\n            total +="),),
        (Outcome(f"{ACTIVITY} lookup #101", "activity-added", "activities.audit"),),
    ),
)

CHANGES: tuple[Change, ...] = (
    *_SAGA,
    *_APPROVAL,
    *_FAN_OUT,
    *_CHILDREN,
    *_PAGES,
    *_CART,
    *_PATCHED,
    *_LOCAL,
    *_CHANCE,
    *_CANCELLING,
    *_MACHINE,
    *_MORE_MACHINE,
    *_RETRYING,
    *_ATTRIBUTES,
    *_EXTERNAL,
    *_BATCH,
)
