"""A cart that is filled by updates, with a validator, and closed by a signal."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from tests.replay.corpus import activities

SHORT = timedelta(seconds=10)


@workflow.defn
class Cart:
    def __init__(self) -> None:
        self.items: dict[str, int] = {}
        self.closed = False

    @workflow.update
    async def add(self, item: str, count: int) -> int:
        price = await workflow.execute_activity(activities.lookup, item, start_to_close_timeout=SHORT)
        self.items[item] = self.items.get(item, 0) + count
        return price * count

    @add.validator
    def check_add(self, item: str, count: int) -> None:
        if count <= 0:
            raise ValueError("count must be positive")

    @workflow.update
    def clear(self) -> int:
        gone = len(self.items)
        self.items = {}
        return gone

    @workflow.signal
    def close(self) -> None:
        self.closed = True

    @workflow.run
    async def run(self, customer: str) -> int:
        await workflow.wait_condition(lambda: self.closed)
        total = sum(self.items.values())
        if total:
            await workflow.execute_activity(activities.charge, args=[customer, total], start_to_close_timeout=SHORT)
        return total
