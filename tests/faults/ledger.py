"""The workflow under the kills: every deposit is a signal, every deposit runs an activity, a timer ends it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import activity, workflow


@activity.defn
async def book(amount: int) -> int:
    return amount * 2


@workflow.defn
class Ledger:
    def __init__(self) -> None:
        self.deposits: list[int] = []

    @workflow.signal
    def deposit(self, amount: int) -> None:
        self.deposits.append(amount)

    @workflow.run
    async def run(self, expected_deposits: int) -> int:
        balance = 0
        for position in range(expected_deposits):
            await workflow.wait_condition(lambda: len(self.deposits) > position)  # noqa: B023 - awaited in this turn
            balance += await workflow.execute_activity(
                book, self.deposits[position], start_to_close_timeout=timedelta(seconds=2)
            )
        await asyncio.sleep(0.05)
        return balance
