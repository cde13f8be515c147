"""Starts one order and leaves it waiting for approval: python starter.py [ORDER_ID]"""

from __future__ import annotations

import asyncio
import os
import sys

from temporalio.client import Client

from models import Order
from workflows import TASK_QUEUE, OrderSaga


async def main(order_id: str) -> None:
    client = await Client.connect(
        os.environ.get("TEMPORAL_ADDRESS", "localhost:7233"),
        namespace=os.environ.get("TEMPORAL_NAMESPACE", "default"),
    )
    handle = await client.start_workflow(OrderSaga.run, Order(order_id), id=order_id, task_queue=TASK_QUEUE)
    print(f"started {handle.id} (run {handle.result_run_id})")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "order-1"))
