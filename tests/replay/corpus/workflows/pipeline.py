"""A pipeline of decorated functions in a table, behind a partial of `execute_activity`."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from temporalio import workflow

Stage = Callable[[Any], Awaitable[Any]]
run_activity = functools.partial(workflow.execute_activity, start_to_close_timeout=timedelta(seconds=10))


def logged(stage: Stage) -> Stage:
    @functools.wraps(stage)
    async def wrapper(value: Any) -> Any:
        workflow.logger.debug("before %s", stage.__name__)
        result = await stage(value)
        workflow.logger.debug("after %s", stage.__name__)
        return result

    return wrapper


@logged
async def extract(source: str) -> str:
    return str(await run_activity("extract", source))


@logged
async def clean(data: str) -> str:
    await workflow.sleep(0.01)
    return str(await run_activity("transform", data))


@logged
async def load(data: str) -> str:
    return str(await run_activity("load", data))


STAGES: list[Stage] = [extract, clean, load]


@workflow.defn
class Pipeline:
    def __init__(self) -> None:
        self.skip: set[str] = set()
        self.results: list[str] = []

    @workflow.signal
    def skip_stage(self, name: str) -> None:
        self.skip.add(name)

    @workflow.run
    async def run(self, source: str, stages: list[str] | None = None) -> str:
        value = source
        for stage in STAGES:
            if stage.__name__ in self.skip or (stages is not None and stage.__name__ not in stages):
                continue
            value = await stage(value)
            self.results.append(value)
        if workflow.patched("publish-results"):
            await run_activity("publish", value)
        return value
