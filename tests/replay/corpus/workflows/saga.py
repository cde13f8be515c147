"""An order that is undone step by step when a later step fails."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from tests.replay.corpus import activities

SHORT = timedelta(seconds=10)


@workflow.defn
class OrderSaga:
    @workflow.run
    async def run(self, order: str) -> str:
        undo: list[Callable[..., Any]] = []
        try:
            await workflow.execute_activity(activities.reserve, order, start_to_close_timeout=SHORT)
            undo.append(activities.release)
            await workflow.execute_activity(activities.charge, args=[order, 40], start_to_close_timeout=SHORT)
            undo.append(activities.refund)
            receipt = await workflow.execute_activity(activities.ship, order, start_to_close_timeout=SHORT)
        except ActivityError as error:
            for step in reversed(undo):
                await workflow.execute_activity(step, order, start_to_close_timeout=SHORT)
            raise ApplicationError(f"order {order} was undone") from error
        await workflow.sleep(0.05)
        return receipt
