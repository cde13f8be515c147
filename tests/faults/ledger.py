"""The workflows under the kills. A ledger takes deposits (signals) and runs an activity for each, is audited (an
update), sleeps (a timer), and has a receipt made by a child, which sends its stamp to the parent before it ends."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import activity, workflow


@activity.defn
async def book(amount: int) -> int:
    return amount * 2


@workflow.defn
class Receipt:
    @workflow.run
    async def run(self, parent_id: str, balance: int) -> str:
        await workflow.get_external_workflow_handle_for(Ledger.run, parent_id).signal(Ledger.stamp, balance)
        return f"receipt for {balance}"


@workflow.defn
class Ledger:
    def __init__(self) -> None:
        self.deposits: list[int] = []
        self.audits = 0
        self.stamps: list[int] = []

    @workflow.signal
    def deposit(self, amount: int) -> None:
        self.deposits.append(amount)

    @workflow.signal
    def stamp(self, balance: int) -> None:
        self.stamps.append(balance)

    @workflow.update
    async def audit(self) -> int:
        await workflow.wait_condition(lambda: len(self.deposits) >= 2)
        self.audits += 1
        return self.audits

    @workflow.run
    async def run(self, expected_deposits: int) -> int:
        balance = 0
        for position in range(expected_deposits):
            await workflow.wait_condition(lambda: len(self.deposits) > position)  # noqa: B023 - awaited in this turn
            balance += await workflow.execute_activity(
                book, self.deposits[position], start_to_close_timeout=timedelta(seconds=2)
            )
        await workflow.wait_condition(lambda: self.audits > 0)
        await asyncio.sleep(0.05)
        me = workflow.info().workflow_id
        receipt = await workflow.execute_child_workflow(
            Receipt.run, args=[me, balance], id=f"{me}-receipt", task_timeout=timedelta(seconds=2)
        )
        await workflow.wait_condition(lambda: bool(self.stamps))
        assert receipt == f"receipt for {balance}"
        assert self.stamps == [balance], "a stamp came twice"
        return balance
