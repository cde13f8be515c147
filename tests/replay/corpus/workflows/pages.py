"""A loop over pages that continues as new every few pages."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from tests.replay.corpus import activities

SHORT = timedelta(seconds=10)


@workflow.defn
class Pages:
    @workflow.run
    async def run(self, page: int, last: int, per_run: int) -> int:
        done = 0
        while True:
            items = await workflow.execute_activity(activities.fetch_page, page, start_to_close_timeout=SHORT)
            for item in items:
                await workflow.execute_activity(activities.store, item, start_to_close_timeout=SHORT)
            page += 1
            done += 1
            if page > last:
                return page
            if done == per_run:
                workflow.continue_as_new(args=[page, last, per_run])
