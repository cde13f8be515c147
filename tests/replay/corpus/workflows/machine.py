"""A subscription: a state machine that signals drive."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from tests.replay.corpus import activities

SHORT = timedelta(seconds=10)


@workflow.defn
class Subscription:
    def __init__(self) -> None:
        self.inbox: list[str] = []
        self.paused = False

    @workflow.signal
    def command(self, name: str) -> None:
        self.inbox.append(name)

    @workflow.signal
    async def tell(self, text: str) -> None:
        await workflow.execute_activity(activities.notify, text, start_to_close_timeout=SHORT)

    @workflow.run
    async def run(self, customer: str) -> list[str]:
        log: list[str] = []
        while True:
            await workflow.wait_condition(lambda: bool(self.inbox))
            name = self.inbox.pop(0)
            if name == "cancel":
                await workflow.execute_activity(activities.refund, customer, start_to_close_timeout=SHORT)
                log.append("cancelled")
                return log
            if name == "pause":
                self.paused = True
            elif name == "resume":
                self.paused = False
            elif not self.paused:
                log.append(
                    await workflow.execute_activity(
                        activities.charge, args=[customer, len(name)], start_to_close_timeout=SHORT
                    )
                )
