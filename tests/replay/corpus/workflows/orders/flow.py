"""The workflow."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from .base import BaseFlow
from .models import Order, Priority, Receipt
from .payment import PaymentFailed, give_back, take_payment


@workflow.defn
class Fulfilment(BaseFlow):
    def __init__(self) -> None:
        super().__init__()
        self.cancelled = False

    @workflow.signal
    async def cancel_order(self, reason: str) -> None:
        self.cancelled = True
        await self.step("log_audit", reason)

    @workflow.run
    async def run(self, order: Order) -> Receipt:
        stock = await asyncio.gather(*(self.step("check_stock", item.sku) for item in order.items))
        workflow.logger.info("in stock: %s", stock)
        await self.step("reserve_items", order.number)
        try:
            await take_payment(order)
        except PaymentFailed as error:
            await self.step("release_items", order.number)
            raise ApplicationError("not paid", type="NotPaid") from error

        if order.priority is Priority.HIGH:
            delay = timedelta(milliseconds=50)
        else:
            delay = timedelta(milliseconds=300)
        await workflow.sleep(delay)

        if self.cancelled:
            await give_back(order)
            await self.step("release_items", order.number)
            return Receipt(order.number, "", self.steps)

        label = await self.step("create_label", order.number)
        if order.gift:
            await self.step("notify_customer", f"gift {order.number}")
        await self.step("notify_customer", order.number)
        return Receipt(order.number, label, self.steps)
