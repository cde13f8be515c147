"""A parent of children: some in a row, some at once, one left running."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ChildWorkflowError

with workflow.unsafe.imports_passed_through():
    from tests.replay.corpus import activities

SHORT = timedelta(seconds=10)


@workflow.defn
class Parcel:
    @workflow.run
    async def run(self, name: str) -> str:
        return await workflow.execute_activity(activities.store, name, start_to_close_timeout=SHORT)


@workflow.defn
class Courier:
    def __init__(self) -> None:
        self.done = False

    @workflow.signal
    def finish(self) -> None:
        self.done = True

    @workflow.run
    async def run(self, name: str) -> str:
        await workflow.wait_condition(lambda: self.done)
        return f"{name} is home"


@workflow.defn
class Delivery:
    @workflow.run
    async def run(self, names: list[str]) -> list[str]:
        me = workflow.info().workflow_id
        courier = await workflow.start_child_workflow(Courier.run, "courier", id=f"{me}/courier")
        parcels = await asyncio.gather(
            *(workflow.execute_child_workflow(Parcel.run, name, id=f"{me}/{name}") for name in names),
            return_exceptions=True,
        )
        await courier.signal(Courier.finish)
        home = await courier
        failed = sum(isinstance(parcel, ChildWorkflowError) for parcel in parcels)
        if failed:
            await workflow.execute_activity(activities.audit, f"{failed} lost", start_to_close_timeout=SHORT)
        return [home, *map(str, parcels)]
