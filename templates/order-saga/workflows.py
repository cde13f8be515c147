"""The saga. Every step that succeeds pushes its compensation; whatever goes wrong later pops them all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    import activities
    from models import Decision, Order, Outcome, Status

TASK_QUEUE = "order-saga"
STEP_TIMEOUT = timedelta(seconds=10)
STEP_RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=200), backoff_coefficient=1.5, maximum_attempts=5)

Step = Callable[[Order], Any]


@workflow.defn
class OrderSaga:
    """Reserve, charge, wait for approval, ship; on failure, rejection or silence undo in reverse."""

    @workflow.init
    def __init__(self, order: Order) -> None:
        self._order = order
        self._status = Status(stage="new")
        self._decision: Decision | None = None
        self._compensations: list[Step] = []

    @workflow.run
    async def run(self, order: Order) -> Outcome:
        try:
            await self._take("reserving", activities.reserve, undo=activities.release)
            await self._take("charging", activities.charge, undo=activities.refund)
            decision = await self._wait_for_decision()
            if decision is None or not decision.approved:
                await self._undo()
                return self._end("expired" if decision is None else "rejected")
            tracking = await self._take("shipping", activities.ship)
        except ActivityError as error:
            await self._undo()
            self._status.stage = "failed"
            cause = error.cause or error
            raise ApplicationError(f"order {order.order_id} was undone: {cause}", type="OrderFailed") from error
        return self._end("shipped", tracking)

    @workflow.signal
    def approve(self, by: str) -> None:
        self._decide(Decision(approved=True, by=by))

    @workflow.signal
    def reject(self, by: str) -> None:
        self._decide(Decision(approved=False, by=by))

    @workflow.query
    def status(self) -> Status:
        return self._status

    @workflow.update
    def decide(self, decision: Decision) -> str:
        """As the signals, but the caller learns at once whether the decision counted."""
        self._decide(decision)
        return "approved" if decision.approved else "rejected"

    @decide.validator
    def validate_decide(self, decision: Decision) -> None:
        if self._decision is not None:
            raise ApplicationError(f"{self._decision.by} has already decided", type="AlreadyDecided")
        if not decision.by:
            raise ApplicationError("who decides? 'by' is empty", type="Anonymous")

    def _decide(self, decision: Decision) -> None:
        """The first decision stands, also one that comes before the saga waits for it."""
        if self._decision is None:
            self._decision = decision
            self._status.decided_by = decision.by

    async def _take(self, stage: str, step: Step, undo: Step | None = None) -> str:
        self._status.stage = stage
        result: str = await workflow.execute_activity(
            step, self._order, start_to_close_timeout=STEP_TIMEOUT, retry_policy=STEP_RETRY
        )
        self._status.done.append(step.__name__)
        if undo is not None:
            self._compensations.append(undo)
        return result

    async def _wait_for_decision(self) -> Decision | None:
        """None when nobody decided in time."""
        self._status.stage = "waiting for approval"
        try:
            await workflow.wait_condition(
                lambda: self._decision is not None, timeout=timedelta(seconds=self._order.approval_seconds)
            )
        except TimeoutError:
            return None
        return self._decision

    async def _undo(self) -> None:
        self._status.stage = "undoing"
        while self._compensations:
            compensation = self._compensations.pop()
            await workflow.execute_activity(compensation, self._order, start_to_close_timeout=STEP_TIMEOUT)
            self._status.undone.append(compensation.__name__)

    def _end(self, result: str, tracking: str | None = None) -> Outcome:
        self._status.stage = result
        return Outcome(self._order.order_id, result, tracking, list(self._status.undone))
