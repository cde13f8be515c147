"""What every flow has in common: steps that can be paused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy

DEFAULTS = workflow.ActivityConfig(
    start_to_close_timeout=timedelta(seconds=20),
    retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=50), maximum_attempts=5),
)


class BaseFlow:
    """What every flow of ours has in common."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.paused = False

    @workflow.signal
    def pause(self) -> None:
        self.paused = True

    @workflow.signal
    def resume(self) -> None:
        self.paused = False

    @workflow.query
    def progress(self) -> list[str]:
        return self.steps

    async def step(self, name: str, argument: Any) -> Any:
        await workflow.wait_condition(lambda: not self.paused)
        result = await workflow.execute_activity(name, argument, **DEFAULTS)
        self.steps.append(name)
        return result
