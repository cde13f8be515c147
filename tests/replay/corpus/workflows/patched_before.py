"""`Billing` as it was before its patches; its histories take the old branches of the patched one."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from tests.replay.corpus import activities

SHORT = timedelta(seconds=10)


@workflow.defn
class Billing:
    @workflow.run
    async def run(self, account: str) -> str:
        size = await workflow.execute_activity(activities.lookup, account, start_to_close_timeout=SHORT)
        await workflow.sleep(0.05)
        await workflow.execute_activity(activities.charge, args=[account, size], start_to_close_timeout=SHORT)
        return account
