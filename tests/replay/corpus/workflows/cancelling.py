"""Cancellation: of an activity, of a timer that lost a race, and clean-up after a cancelled run."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from tests.replay.corpus import activities

SHORT = timedelta(seconds=10)
LONG = timedelta(minutes=5)


@workflow.defn
class Job:
    @workflow.run
    async def run(self, name: str, seconds: float) -> str:
        job = workflow.start_activity(
            activities.long_job,
            name,
            start_to_close_timeout=LONG,
            heartbeat_timeout=SHORT,
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
        timer = asyncio.create_task(asyncio.sleep(seconds))
        try:
            done, _ = await workflow.wait([job, timer], return_when=asyncio.FIRST_COMPLETED)
            if job in done:
                timer.cancel()
                return job.result()
            job.cancel()
            try:
                await job
            except ActivityError:
                pass
            return "too slow"
        except BaseException as error:
            if not is_cancelled_exception(error):
                raise
            job.cancel()
            await asyncio.shield(workflow.execute_activity(activities.cleanup, name, start_to_close_timeout=SHORT))
            raise
