"""Local activities beside remote ones."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from tests.replay.corpus import activities

SHORT = timedelta(seconds=10)


@workflow.defn
class Pricing:
    @workflow.run
    async def run(self, basket: str, seconds: float) -> int:
        first = await workflow.execute_local_activity(activities.lookup, basket, start_to_close_timeout=SHORT)
        both = await asyncio.gather(
            workflow.execute_local_activity(activities.lookup, basket * 2, start_to_close_timeout=SHORT),
            workflow.execute_local_activity(activities.lookup, basket * 3, start_to_close_timeout=SHORT),
        )
        await workflow.execute_activity(activities.audit, basket, start_to_close_timeout=SHORT)
        if seconds:
            await workflow.sleep(seconds)
        last = await workflow.execute_local_activity(activities.lookup, basket, start_to_close_timeout=SHORT)
        return first + sum(both) + last
