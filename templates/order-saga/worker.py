"""Runs the workflows and activities; start as many of these as you like."""

from __future__ import annotations

import asyncio
import logging
import os

from temporalio.client import Client
from temporalio.worker import Worker

from activities import ACTIVITIES
from workflows import TASK_QUEUE, OrderSaga


async def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    client = await Client.connect(
        os.environ.get("TEMPORAL_ADDRESS", "localhost:7233"),
        namespace=os.environ.get("TEMPORAL_NAMESPACE", "default"),
    )
    async with Worker(client, task_queue=TASK_QUEUE, workflows=[OrderSaga], activities=ACTIVITIES):
        logging.info("worker is polling task queue %r; ctrl-c stops it", TASK_QUEUE)
        await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
