"""The SDK worker of the drills, in a process of its own: `worker.py ADDRESS QUEUE VERSION`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

_OFTEN = RetryPolicy(initial_interval=timedelta(milliseconds=20), maximum_interval=timedelta(milliseconds=50))
_BRIEF = timedelta(seconds=10)


@activity.defn
async def charge(order: str) -> str:
    return f"charged {order}"


@activity.defn
async def convert(order: str) -> str:
    """The poison: no attempt at this input ever succeeds."""
    raise ValueError(f"cannot convert 'EUR?' of {order}")


@activity.defn
async def book(order: str) -> str:
    raise ApplicationError("no truck is free", type="NoTruck", non_retryable=True)


@activity.defn
async def refund(order: str) -> str:
    return f"refunded {order}"


@activity.defn
async def release(order: str) -> str:
    raise ApplicationError("warehouse 7 does not know the reservation", type="UnknownReservation", non_retryable=True)


async def do(step: Callable[[str], Awaitable[str]], order: str) -> str:
    return await workflow.execute_activity(step, order, start_to_close_timeout=_BRIEF, retry_policy=_OFTEN)


@workflow.defn(name="Order")
class OrderBefore:
    @workflow.run
    async def run(self, order: str) -> None:
        await do(charge, order)
        await workflow.wait_condition(lambda: False)


@workflow.defn(name="Order")
class OrderAfter:
    """A later version: another activity comes first."""

    @workflow.run
    async def run(self, order: str) -> None:
        await do(book, order)
        await do(charge, order)


@workflow.defn
class Invoice:
    @workflow.run
    async def run(self, order: str) -> str:
        return await do(convert, order)


@workflow.defn
class Shipment:
    """Charges, books, and when there is no truck takes back what it did; half of that fails, too."""

    @workflow.run
    async def run(self, order: str) -> None:
        await do(charge, order)
        try:
            await do(book, order)
        except ActivityError:
            await do(refund, order)
            await do(release, order)


async def main(address: str, queue: str, version: str) -> None:
    client = await Client.connect(address)
    order = OrderBefore if version == "before" else OrderAfter
    worker = Worker(
        client,
        task_queue=queue,
        workflows=[order, Invoice, Shipment],
        activities=[charge, convert, book, refund, release],
        identity=f"worker-{version}@prod",
        max_cached_workflows=0,
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    await worker.run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
