"""Retry policies, a heartbeat time-out, and an error that the workflow maps to its own."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from tests.replay.corpus import activities

SHORT = timedelta(seconds=10)
POLICY = RetryPolicy(initial_interval=timedelta(milliseconds=20), maximum_attempts=4)


@workflow.defn
class Upload:
    @workflow.run
    async def run(self, file: str) -> str:
        stored = await workflow.execute_activity(
            activities.store, file, start_to_close_timeout=SHORT, retry_policy=POLICY
        )
        for attempt in range(3):
            try:
                await workflow.execute_activity(
                    activities.notify, file.replace("LATE", "FAIL"), start_to_close_timeout=SHORT, retry_policy=POLICY
                )
                break
            except ActivityError:
                await workflow.sleep(0.01 * (attempt + 1))
        else:
            raise ApplicationError("nobody heard", type="Unheard")
        return stored
