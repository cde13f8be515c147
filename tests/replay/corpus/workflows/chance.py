"""Deterministic random numbers, ids and times, put to use in commands and branches."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from tests.replay.corpus import activities

SHORT = timedelta(seconds=10)


@workflow.defn
class Lottery:
    @workflow.run
    async def run(self, name: str) -> str:
        ticket = str(workflow.uuid4())
        number = workflow.random().randint(1, 100)
        if number > 50:
            await workflow.execute_activity(activities.notify, f"{name} wins", start_to_close_timeout=SHORT)
        else:
            await workflow.execute_activity(activities.audit, f"{name} loses", start_to_close_timeout=SHORT)
        started = workflow.now()
        await workflow.sleep(0.05)
        waited = workflow.now() - started
        await workflow.execute_activity(activities.store, ticket, start_to_close_timeout=SHORT)
        return f"{number} {waited > timedelta(0)}"
