"""Workflows of the SDK scenarios: the same seven in Python, TypeScript and Go, then a few that are Python's own."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from tests.sdk.python import activities

QUICK = timedelta(seconds=10)
RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=50), backoff_coefficient=1.0, maximum_attempts=5)


@workflow.defn
class OrderSaga:
    """Reserve, charge, ship; what was done is undone in reverse order when a later step fails for good."""

    @workflow.run
    async def run(self, order_id: str, carrier: str) -> list[str]:
        done: list[str] = []
        compensations = []
        try:
            for step, undo in (
                (activities.reserve_inventory, activities.release_inventory),
                (activities.charge_payment, activities.refund_payment),
            ):
                compensations.append(undo)
                done.append(
                    await workflow.execute_activity(step, order_id, start_to_close_timeout=QUICK, retry_policy=RETRY)
                )
            done.append(
                await workflow.execute_activity(
                    activities.ship, args=[order_id, carrier], start_to_close_timeout=QUICK, retry_policy=RETRY
                )
            )
        except ActivityError as failure:
            for undo in reversed(compensations):
                done.append(await workflow.execute_activity(undo, order_id, start_to_close_timeout=QUICK))
            raise ApplicationError("order cancelled", done, type="OrderCancelled") from failure
        return done


@workflow.defn
class Approval:
    """Waits for a person, but not for ever."""

    def __init__(self) -> None:
        self.decision: str | None = None
        self.by = ""

    @workflow.signal
    def decide(self, decision: str, by: str) -> None:
        self.decision, self.by = decision, by

    @workflow.query
    def status(self) -> str:
        return self.decision or "waiting"

    @workflow.run
    async def run(self, timeout_seconds: float) -> str:
        try:
            await workflow.wait_condition(lambda: self.decision is not None, timeout=timedelta(seconds=timeout_seconds))
        except TimeoutError:
            return "timed out"
        return f"{self.decision} by {self.by}"


@workflow.defn
class Child:
    @workflow.run
    async def run(self, number: int) -> int:
        if number < 0:
            raise ApplicationError("negative", type="Negative", non_retryable=True)
        return await workflow.execute_activity(activities.square, number, start_to_close_timeout=QUICK)


@workflow.defn
class Parent:
    """Sums its children's squares; a failing child is counted, not fatal."""

    @workflow.run
    async def run(self, numbers: list[int]) -> dict[str, int]:
        workflow_id = workflow.info().workflow_id
        children = [
            workflow.execute_child_workflow(Child.run, n, id=f"{workflow_id}/child-{i}") for i, n in enumerate(numbers)
        ]
        results = await asyncio.gather(*children, return_exceptions=True)
        squares = [r for r in results if isinstance(r, int)]
        return {"sum": sum(squares), "failed": len(results) - len(squares)}


@workflow.defn
class FanOut:
    @workflow.run
    async def run(self, count: int) -> int:
        squares = await asyncio.gather(
            *(
                workflow.execute_activity(activities.square, n, start_to_close_timeout=timedelta(seconds=60))
                for n in range(count)
            )
        )
        return sum(squares)


@workflow.defn
class HeartbeatResume:
    @workflow.run
    async def run(self, rows: int) -> dict[str, int]:
        return await workflow.execute_activity(
            activities.copy_rows, rows, start_to_close_timeout=QUICK, heartbeat_timeout=QUICK, retry_policy=RETRY
        )


@workflow.defn
class Counter:
    """Updated from outside; a validator guards it."""

    def __init__(self) -> None:
        self.value = 0
        self.closed = False

    @workflow.update
    async def add(self, amount: int) -> int:
        squared = await workflow.execute_activity(activities.square, amount, start_to_close_timeout=QUICK)
        self.value += squared
        return self.value

    @add.validator
    def check_amount(self, amount: int) -> None:
        if amount <= 0:
            raise ApplicationError(f"amount must be positive, not {amount}", type="BadAmount")

    @workflow.signal
    def close(self) -> None:
        self.closed = True

    @workflow.query
    def current(self) -> int:
        return self.value

    @workflow.run
    async def run(self) -> int:
        await workflow.wait_condition(lambda: self.closed and workflow.all_handlers_finished())
        return self.value


@workflow.defn
class Chain:
    """One link a run: counts down by continuing as new."""

    @workflow.run
    async def run(self, links_left: int, total: int) -> int:
        total += await workflow.execute_activity(activities.square, links_left, start_to_close_timeout=QUICK)
        if links_left > 1:
            workflow.continue_as_new(args=[links_left - 1, total])
        return total


@workflow.defn
class Cancellable:
    """Its activity is cancelled with it and cleans up first."""

    @workflow.run
    async def run(self) -> str:
        return await workflow.execute_activity(
            activities.hang_until_cancelled,
            start_to_close_timeout=timedelta(seconds=60),
            heartbeat_timeout=timedelta(seconds=5),
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )


@workflow.defn
class LocalAndPatched:
    """A local activity, a patch marker, deterministic randomness and a timer in one history."""

    @workflow.run
    async def run(self) -> dict[str, int | bool]:
        total = 0
        for number in range(3):
            total += await workflow.execute_local_activity(activities.square, number, start_to_close_timeout=QUICK)
        patched = workflow.patched("enhanced-validation")
        await asyncio.sleep(0.05)
        return {"total": total, "patched": patched, "drawn": 0 <= workflow.random().random() < 1}


@workflow.defn
class LoanApplication:
    """Identity, credit score, decision."""

    @workflow.run
    async def run(self, applicant: str) -> str:
        if not await workflow.execute_activity(activities.verify_identity, applicant, start_to_close_timeout=QUICK):
            return "rejected: identity"
        score = await workflow.execute_activity(activities.credit_score, applicant, start_to_close_timeout=QUICK)
        return "approved" if score >= 650 else "declined: credit score below threshold"


@workflow.defn
class Gate:
    """An update that waits for a signal."""

    def __init__(self) -> None:
        self.is_open = False
        self.passed = 0

    @workflow.update
    async def pass_through(self, who: str) -> str:
        await workflow.wait_condition(lambda: self.is_open)
        self.passed += 1
        return f"{who} went through"

    @workflow.signal
    def open(self) -> None:
        self.is_open = True

    @workflow.run
    async def run(self) -> int:
        await workflow.wait_condition(lambda: self.is_open and workflow.all_handlers_finished())
        return self.passed


@workflow.defn
class Outside:
    @workflow.run
    async def run(self, key: str) -> str:
        return await workflow.execute_activity(
            activities.wait_for_outside, key, activity_id="manual", start_to_close_timeout=timedelta(seconds=30)
        )


@workflow.defn(sandboxed=False)
class Buggy:
    """Broken until somebody fixes it: outside the sandbox, as the fix is a class attribute."""

    fixed = False

    @workflow.run
    async def run(self) -> str:
        if not Buggy.fixed:
            raise RuntimeError("a bug")
        return "fixed"


@workflow.defn
class SecondTimeLucky:
    @workflow.run
    async def run(self, approval_id: str) -> int:
        attempt = workflow.info().attempt
        if attempt == 1:
            raise ApplicationError("the first time", type="Unlucky")
        await workflow.get_external_workflow_handle(approval_id).signal("decide", args=["approved", "a workflow"])
        return attempt


ALL: list[type] = [
    OrderSaga,
    Approval,
    Child,
    Parent,
    FanOut,
    HeartbeatResume,
    Counter,
    Chain,
    Cancellable,
    LocalAndPatched,
    LoanApplication,
    Gate,
    Outside,
    Buggy,
    SecondTimeLucky,
]
