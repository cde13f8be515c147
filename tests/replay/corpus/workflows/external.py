"""Talks to workflows that are not its children: signals one, cancels another."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from tests.replay.corpus import activities

SHORT = timedelta(seconds=10)


@workflow.defn
class Dispatcher:
    @workflow.run
    async def run(self, target: str, victim: str) -> str:
        handle = workflow.get_external_workflow_handle(target)
        try:
            await handle.signal("decide", "approve")
        except ApplicationError:
            await workflow.execute_activity(activities.audit, f"no {target}", start_to_close_timeout=SHORT)
        if victim:
            await workflow.get_external_workflow_handle(victim).cancel()
        await workflow.execute_activity(activities.notify, target, start_to_close_timeout=SHORT)
        return target
