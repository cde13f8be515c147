"""`OrderSaga` as a bad deployment had it: its second task fails for ever."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from tests.replay.corpus import activities

SHORT = timedelta(seconds=10)


@workflow.defn
class OrderSaga:
    @workflow.run
    async def run(self, order: str) -> str:
        prices: dict[str, int] = {}
        await workflow.execute_activity(activities.reserve, order, start_to_close_timeout=SHORT)
        await workflow.execute_activity(activities.charge, args=[order, prices[order]], start_to_close_timeout=SHORT)
        return order
