"""A wallet: updates that take turns, some of which fail, and a handler for any other signal."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

QUICK = workflow.ActivityConfig(start_to_close_timeout=timedelta(seconds=10))


@workflow.defn
class Wallet:
    def __init__(self) -> None:
        self.balance = 0
        self.lock = asyncio.Lock()
        self.closing = False
        self.frozen = False

    @workflow.run
    async def run(self, owner: str) -> int:
        await workflow.execute_activity("validate", owner, **QUICK)
        await workflow.wait_condition(lambda: self.closing and workflow.all_handlers_finished())
        if self.balance < 0:
            raise ApplicationError("overdrawn", self.balance, type="Overdrawn")
        if self.balance:
            await workflow.execute_activity("credit", f"{owner}:{self.balance}", **QUICK)
        return self.balance

    @workflow.update(name="deposit")
    async def put(self, amount: int) -> int:
        async with self.lock:
            await workflow.execute_activity("debit", str(amount), **QUICK)
            self.balance += amount
        return self.balance

    @put.validator
    def _put(self, amount: int) -> None:
        if amount <= 0:
            raise ValueError("nothing to put")
        if self.frozen:
            raise ValueError("frozen")

    @workflow.update
    async def spend(self, amount: int) -> int:
        if amount > 1000:
            raise ApplicationError("too much at once")
        async with self.lock:
            if amount > 100:
                await workflow.execute_activity("fee", str(amount), **QUICK)
            await workflow.execute_activity("credit", str(amount), **QUICK)
            self.balance -= amount
        return self.balance

    @workflow.update
    def freeze(self, on: bool) -> bool:
        before, self.frozen = self.frozen, on
        return before

    @workflow.signal
    def close(self) -> None:
        self.closing = True

    @workflow.signal(dynamic=True)
    async def other(self, name: str, args: Sequence[RawValue]) -> None:
        await workflow.execute_activity("log_audit", name, **QUICK)
