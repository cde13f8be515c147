"""An approval by signal, or a time-out, then a notice."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from tests.replay.corpus import activities

SHORT = timedelta(seconds=10)


@workflow.defn
class Approval:
    def __init__(self) -> None:
        self.decision = ""

    @workflow.signal
    async def decide(self, decision: str) -> None:
        self.decision = decision

    @workflow.query
    def state(self) -> str:
        return self.decision or "waiting"

    @workflow.run
    async def run(self, document: str, seconds: float) -> str:
        await workflow.execute_activity(activities.notify, f"please approve {document}", start_to_close_timeout=SHORT)
        try:
            await workflow.wait_condition(lambda: self.decision != "", timeout=timedelta(seconds=seconds))
        except TimeoutError:
            await workflow.execute_activity(activities.audit, f"{document} timed out", start_to_close_timeout=SHORT)
            return "timed out"
        if self.decision == "approve":
            await workflow.execute_activity(activities.store, document, start_to_close_timeout=SHORT)
        else:
            await workflow.execute_activity(activities.audit, f"{document} rejected", start_to_close_timeout=SHORT)
        return self.decision
