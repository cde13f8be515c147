"""Many activities at once, in waves."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from tests.replay.corpus import activities

SHORT = timedelta(seconds=10)


@workflow.defn
class Thumbnails:
    @workflow.run
    async def run(self, images: list[str]) -> list[str]:
        small = await asyncio.gather(
            *(
                workflow.execute_activity(activities.resize, args=[image, 100], start_to_close_timeout=SHORT)
                for image in images
            )
        )
        total, name = await asyncio.gather(
            workflow.execute_activity(activities.lookup, ",".join(small), start_to_close_timeout=SHORT),
            workflow.execute_activity(activities.store, small[0], start_to_close_timeout=SHORT),
        )
        await self._report(f"{total} {name}")
        return [*small, name]

    async def _report(self, text: str) -> None:
        first = workflow.start_activity(activities.notify, text, start_to_close_timeout=SHORT)
        second = workflow.start_activity(activities.audit, text, start_to_close_timeout=SHORT)
        await first
        await second
