"""Starts one workflow and waits for its result: python starter.py NAME"""

from __future__ import annotations

import asyncio
import os
import sys

from temporalio.client import Client

from workflows import TASK_QUEUE, Greeting


async def main(name: str) -> None:
    client = await Client.connect(
        os.environ.get("TEMPORAL_ADDRESS", "localhost:7233"),
        namespace=os.environ.get("TEMPORAL_NAMESPACE", "default"),
    )
    print(await client.execute_workflow(Greeting.run, name, id=f"hello-{name}", task_queue=TASK_QUEUE))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "World"))
