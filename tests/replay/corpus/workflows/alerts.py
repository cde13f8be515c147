"""Alerts by channel: a table of what to do, and a loop over what the caller asks for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from tests.replay.corpus import activities

OPTIONS = workflow.ActivityConfig(schedule_to_close_timeout=timedelta(seconds=30))


async def email(text: str) -> str:
    return str(await workflow.execute_activity("send_email", text, **OPTIONS))


async def sms(text: str) -> str:
    size = await workflow.execute_local_activity(activities.lookup, text, start_to_close_timeout=timedelta(seconds=5))
    if size > 10:
        text = text[:10]
    return str(await workflow.execute_activity("send_sms", text, **OPTIONS))


async def push(text: str) -> str:
    handle = workflow.start_activity("send_push", text, **OPTIONS)
    await workflow.sleep(0.01)
    return str(await handle)


CHANNELS: dict[str, Callable[[str], Awaitable[str]]] = {"email": email, "sms": sms, "push": push}


@workflow.defn(name="alert")
class Alert:
    def __init__(self) -> None:
        self.sent: dict[str, str] = {}

    @workflow.run
    async def run(self, text: str, channels: list[str]) -> dict[str, str]:
        for channel in channels:
            deliver = CHANNELS.get(channel)
            if deliver is None:
                workflow.logger.warning("no channel %s", channel)
                continue
            self.sent[channel] = await deliver(text)
        if "push" in self.sent and "sms" in self.sent:
            await workflow.execute_activity("log_audit", ",".join(self.sent), **OPTIONS)
        return self.sent
