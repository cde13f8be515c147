"""A trip whose bookings are undone in `finally`, shielded from its cancellation."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from tests.replay.corpus import activities

FAST = timedelta(seconds=10)


class Compensations:
    """Undo what was done, last first, shielded from the cancellation of the run."""

    def __init__(self) -> None:
        self._todo: list[tuple[str, str]] = []

    def add(self, activity: str, argument: str) -> None:
        self._todo.append((activity, argument))

    async def run(self) -> None:
        while self._todo:
            activity, argument = self._todo.pop()
            try:
                await workflow.execute_activity(activity, argument, start_to_close_timeout=FAST)
            except ActivityError as error:
                workflow.logger.error("could not undo %s: %s", activity, error)


@workflow.defn
class Trip:
    @workflow.run
    async def run(self, traveller: str, car: bool = True) -> str:
        undo = Compensations()
        ok = False
        try:
            undo.add("cancel_flight", traveller)
            await workflow.execute_activity("book_flight", traveller, start_to_close_timeout=FAST)
            undo.add("cancel_hotel", traveller)
            await workflow.execute_activity("book_hotel", traveller, start_to_close_timeout=FAST)
            if car:
                undo.add("cancel_car", traveller)
                await workflow.execute_activity("book_car", f"{traveller}-car", start_to_close_timeout=FAST)
            await self.stay(traveller)
            ok = True
            return "home again"
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return f"stayed at home: {error.cause}"
        finally:
            if not ok:
                await asyncio.shield(undo.run())

    async def stay(self, traveller: str) -> None:
        nights = 600 if "LONG" in traveller else 0.05
        watch = workflow.start_activity(
            activities.long_job,
            traveller,
            start_to_close_timeout=timedelta(seconds=60),
            heartbeat_timeout=timedelta(seconds=5),
            cancellation_type=workflow.ActivityCancellationType.TRY_CANCEL,
        )
        await workflow.sleep(nights)
        if not watch.done():
            watch.cancel()
