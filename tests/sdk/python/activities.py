"""Activities of the SDK scenarios. `TRACE` is the world they act on: what happened, in order, by key."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

TRACE: dict[str, list[str]] = defaultdict(list)
TOKENS: asyncio.Queue[bytes] = asyncio.Queue()


@activity.defn
async def reserve_inventory(order_id: str) -> str:
    TRACE[order_id].append("reserve")
    return f"reserved {order_id}"


@activity.defn
async def release_inventory(order_id: str) -> str:
    TRACE[order_id].append("release")
    return f"released {order_id}"


@activity.defn
async def charge_payment(order_id: str) -> str:
    TRACE[order_id].append("charge")
    return f"charged {order_id}"


@activity.defn
async def refund_payment(order_id: str) -> str:
    TRACE[order_id].append("refund")
    return f"refunded {order_id}"


@activity.defn
async def ship(order_id: str, carrier: str) -> str:
    """Fails twice with a retryable error for `slow`, for good for `broken`."""
    TRACE[order_id].append("ship")
    if carrier == "broken":
        raise ApplicationError("no carrier", type="NoCarrier", non_retryable=True)
    if carrier == "slow" and activity.info().attempt < 3:
        raise ApplicationError("carrier is busy", type="Busy")
    return f"shipped {order_id}"


@activity.defn
async def square(number: int) -> int:
    return number * number


@activity.defn
async def copy_rows(total: int) -> dict[str, int]:
    """Copies rows one by one; the first attempt dies half-way, the second goes on from the heartbeat's details."""
    info = activity.info()
    first = int(info.heartbeat_details[0]) if info.heartbeat_details else 0
    for row in range(first, total):
        activity.heartbeat(row + 1)
        if info.attempt == 1 and row + 1 == total // 2:
            raise ApplicationError("connection lost", type="ConnectionLost")
    return {"attempt": info.attempt, "resumed_at": first, "rows": total}


@activity.defn
async def hang_until_cancelled() -> str:
    """Heartbeats until the server says that a cancel was requested."""
    while True:
        activity.heartbeat()
        try:
            await asyncio.sleep(0.1)
        except asyncio.CancelledError:
            return "cleaned up"


@activity.defn
async def verify_identity(applicant: str) -> bool:
    return applicant != "impostor"


@activity.defn
async def credit_score(applicant: str) -> int:
    return 640 if applicant == "declined" else 720


@activity.defn
async def wait_for_outside(key: str) -> str:
    """Somebody else completes it."""
    TOKENS.put_nowait(activity.info().task_token)
    activity.raise_complete_async()


ALL: list[Callable[..., Any]] = [
    reserve_inventory,
    release_inventory,
    charge_payment,
    refund_payment,
    ship,
    square,
    copy_rows,
    hang_until_cancelled,
    verify_identity,
    credit_score,
    wait_for_outside,
]
