"""Runs one history against the code with the SDK's own replay worker, and records what came of it.

One `Recorder` lives as long as its process: the replay worker is started once and fed history after history.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, WorkflowReplayResult

from wfctl.replay.loader import Target
from wfctl.replay.reading import ReadHistory


@dataclass(slots=True)
class Trace:
    """What the code did with one history."""

    failure: Exception | None = None
    must_restart: bool = False
    """Workflow code is still running, or has broken the process in some other way: use it no more."""


@dataclass(slots=True)
class Options:
    """How to record."""

    deadlock_seconds: float = 2.0


@dataclass(slots=True)
class Recorder:
    target: Target
    options: Options = field(default_factory=Options)
    _inbox: asyncio.Queue[WorkflowHistory] = field(default_factory=asyncio.Queue)
    _results: AsyncIterator[WorkflowReplayResult] | None = None
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def record(self, history: ReadHistory) -> Trace:
        """Replay one history; takes as long as the code takes, the caller watches the clock."""
        results = self._results or await self._start()
        self._inbox.put_nowait(WorkflowHistory(history.workflow_id, history.events))
        result = await anext(results)
        failure = result.replay_failure
        return Trace(failure, must_restart=failure is not None and "deadlock" in str(failure).lower())

    async def _start(self) -> AsyncIterator[WorkflowReplayResult]:
        options: dict[str, Any] = dict(self.target.options)
        replayer = Replayer(workflows=self.target.workflows, **options)
        self._results = await self._stack.enter_async_context(replayer.workflow_replay_iterator(self._histories()))
        return self._results

    async def _histories(self) -> AsyncIterator[WorkflowHistory]:
        while True:
            yield await self._inbox.get()

    async def close(self) -> None:
        await self._stack.aclose()
