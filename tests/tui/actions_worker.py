"""The SDK worker of the actions' tests, in a process of its own: `actions_worker.py ADDRESS QUEUE`."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.exceptions import CancelledError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker


@activity.defn
async def pack(order: str) -> str:
    return f"packed {order}"


@activity.defn
async def by_hand(order: str) -> str:
    """Somebody else will say how it went."""
    activity.raise_complete_async()


@activity.defn
async def unlucky(order: str) -> str:
    raise ValueError("out of luck")


@workflow.defn
class Order:
    """Packs, collects what it is told, and ends once it is approved."""

    def __init__(self) -> None:
        self.items: list[str] = []
        self.approved_by = ""

    @workflow.run
    async def run(self, order: str) -> str:
        await workflow.execute_activity(pack, order, start_to_close_timeout=timedelta(minutes=1))
        try:
            await workflow.wait_condition(lambda: bool(self.approved_by))
        except asyncio.CancelledError as error:
            raise CancelledError("on somebody's wish") from error
        return f"{order}: {', '.join(self.items)}; approved by {self.approved_by}"

    @workflow.signal
    def approve(self, by: str) -> None:
        self.approved_by = by

    @workflow.query
    def status(self, loud: bool) -> str:
        text = f"{len(self.items)} items"
        return text.upper() if loud else text

    @workflow.update
    async def add(self, item: str) -> int:
        self.items.append(item)
        return len(self.items)


@workflow.defn
class Step:
    """One activity, by its name."""

    @workflow.run
    async def run(self, name: str) -> str:
        result: str = await workflow.execute_activity(
            name,
            "order",
            activity_id="step",
            start_to_close_timeout=timedelta(minutes=5),
            retry_policy=RetryPolicy(initial_interval=timedelta(hours=1)),
        )
        return result


async def main(address: str, queue: str) -> None:
    worker = Worker(
        await Client.connect(address),
        task_queue=queue,
        workflows=[Order, Step],
        activities=[pack, by_hand, unlucky],
        identity="worker@actions",
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    await worker.run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
