"""Several histories at once in one process, workflow code in the event loop's own thread.

The SDK runs each activation in a thread, so that it can tell when code does not yield, and its replay worker takes one
history after the other; most of a small history's time is spent on threads that wake one another. Here a few replay workers take
turns in one thread. That is for code and histories that agree: whatever is not quiet in every respect is replayed again,
alone and in a thread, as the SDK would. What hangs here hangs for good, so a guard watches the clock and ends the process;
the checker then has another one judge its histories, one by one.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import os
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn

AT_ONCE = 3
"""Replay workers in a process: with these, one always has something to do."""
GIVEN_UP = 75
"""The exit code of a process that has run into code that does not yield."""
_PATIENCE_SECONDS = 1.0
_LOOK_SECONDS = 0.25


class InlineExecutor(concurrent.futures.Executor):
    """In place of threads: runs what it is given when the loop comes to it. Only for `ThreadWokenLoop`."""

    def __init__(self) -> None:
        self._context = contextvars.Context()  # a thread has one of its own, too

    def run(
        self, loop: asyncio.AbstractEventLoop, function: Callable[..., Any], *arguments: Any
    ) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = loop.create_future()

        def run() -> None:
            guard.since = time.monotonic()
            try:
                made = function(*arguments)
            except BaseException as error:
                failure: BaseException | None = error
            else:
                failure = None
            finally:
                guard.since = 0.0
                asyncio._set_running_loop(loop)  # a workflow is a loop, and takes the place of this one
            if future.cancelled():
                return
            if failure is not None:
                future.set_exception(failure)
            else:
                future.set_result(made)

        # Not within the step of a task, for workflow code has tasks of its own.
        loop.call_soon(run, context=self._context)
        return future

    def submit(self, *_: Any, **__: Any) -> NoReturn:
        raise RuntimeError("this executor needs a loop that asks it to run")


class Guard:
    """Ends the process when code has held the loop's thread for long."""

    def __init__(self) -> None:
        self.since = 0.0
        self._is_on = False

    def start(self) -> None:
        if not self._is_on:
            self._is_on = True
            threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            time.sleep(_LOOK_SECONDS)
            since = self.since
            if since and time.monotonic() - since > _PATIENCE_SECONDS:
                os._exit(GIVEN_UP)


guard = Guard()
