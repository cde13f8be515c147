"""Paying, and giving back."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ActivityError

from .base import DEFAULTS
from .models import Order


class PaymentFailed(Exception):
    pass


async def take_payment(order: Order) -> str:
    amount = sum(item.quantity * 10 for item in order.items)
    try:
        return str(await workflow.execute_activity("charge_card", f"{order.number}:{amount}", **DEFAULTS))
    except ActivityError as error:
        raise PaymentFailed(str(error.cause)) from error


async def give_back(order: Order) -> None:
    await workflow.execute_activity("refund_card", order.number, **DEFAULTS)
