"""The steps of an order and their compensations. Each is safe to run twice: ids are derived from the order's id."""

from __future__ import annotations

from temporalio import activity
from temporalio.exceptions import ApplicationError

from models import Order

FLAKY_CHARGES = 2


@activity.defn
async def reserve(order: Order) -> str:
    if order.item == "unobtainium":
        raise ApplicationError("no unobtainium in stock", type="OutOfStock", non_retryable=True)
    return f"reservation-{order.order_id}"


@activity.defn
async def release(order: Order) -> None:
    activity.logger.info("released the goods of %s", order.order_id)


@activity.defn
async def charge(order: Order) -> str:
    if order.card == "declined":
        raise ApplicationError("the card was declined", type="CardDeclined", non_retryable=True)
    if order.card == "flaky" and activity.info().attempt <= FLAKY_CHARGES:
        raise ApplicationError("the payment gateway did not answer", type="GatewayUnavailable")
    return f"payment-{order.order_id}"


@activity.defn
async def refund(order: Order) -> None:
    activity.logger.info("refunded %d cents of %s", order.amount_cents, order.order_id)


@activity.defn
async def ship(order: Order) -> str:
    if order.address == "nowhere":
        raise ApplicationError("no carrier goes to nowhere", type="Undeliverable", non_retryable=True)
    return f"tracking-{order.order_id}"


ACTIVITIES = [reserve, release, charge, refund, ship]
