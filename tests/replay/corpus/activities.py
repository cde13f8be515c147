"""Activities of the corpus. `FAIL` in an argument makes one fail for good; `FLAKY` fails its first two attempts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from temporalio import activity
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError


def _judge(subject: object) -> None:
    if "FAIL" in str(subject):
        raise ApplicationError(f"cannot handle {subject}", type="Refused", non_retryable=True)
    if "FLAKY" in str(subject) and activity.info().attempt < 3:
        raise ApplicationError(f"flaky {subject}", type="Flaky")


@activity.defn
async def reserve(order: str) -> str:
    _judge(order)
    return f"reserved {order}"


@activity.defn
async def charge(order: str, amount: int) -> str:
    if "POOR" in order:
        raise ApplicationError("card declined", type="Declined", non_retryable=True)
    return f"charged {order} {amount}"


@activity.defn
async def ship(order: str) -> str:
    if "LOST" in order:
        raise ApplicationError("no carrier", type="NoCarrier", non_retryable=True)
    return f"shipped {order}"


@activity.defn
async def release(order: str) -> str:
    return f"released {order}"


@activity.defn
async def refund(order: str) -> str:
    return f"refunded {order}"


@activity.defn
async def notify(text: str) -> str:
    _judge(text)
    return f"told {text}"


@activity.defn
async def audit(text: str) -> str:
    return f"audited {text}"


@activity.defn
async def resize(image: str, width: int) -> str:
    _judge(image)
    return f"{image}@{width}"


@activity.defn
async def fetch_page(number: int) -> list[str]:
    return [f"item-{number}-{index}" for index in range(3)]


@activity.defn
async def store(item: str) -> str:
    _judge(item)
    return item.upper()


@activity.defn
async def lookup(key: str) -> int:
    return len(key)


@activity.defn
async def long_job(name: str) -> str:
    """Runs until it is cancelled, unless its name says it is short."""
    for _ in range(600 if "LONG" in name else 1):
        activity.heartbeat(name)
        await asyncio.sleep(0.05)
    return f"did {name}"


@activity.defn
async def cleanup(name: str) -> str:
    return f"cleaned {name}"


@activity.defn(dynamic=True)
async def anything(arguments: Sequence[RawValue]) -> str:
    """Stands in for every activity that workflows name by a string."""
    name = activity.info().activity_type
    given = activity.payload_converter().from_payload(arguments[0].payload) if arguments else ""
    _judge(given)
    return f"{name}({given})"


ALL: list[Callable[..., Any]] = [
    reserve,
    charge,
    ship,
    release,
    refund,
    notify,
    audit,
    resize,
    fetch_page,
    store,
    lookup,
    long_job,
    cleanup,
    anything,
]
