"""The worker process's event loop, and the executor that runs code in its thread."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from wfctl.replay.hurry import InlineExecutor
from wfctl.replay.loop import ThreadWokenLoop


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=ThreadWokenLoop) as one:
        yield one


def test_threads_wake_the_loop_a_thousand_times(runner: asyncio.Runner) -> None:
    async def be_woken() -> list[int]:
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[int] = asyncio.Queue()

        def send(first: int) -> None:
            for number in range(first, 1000, 2):
                loop.call_soon_threadsafe(queue.put_nowait, number)

        for first in (0, 1):
            threading.Thread(target=send, args=(first,)).start()
        return [await queue.get() for _ in range(1000)]

    assert sorted(runner.run(be_woken())) == list(range(1000))


def test_a_loop_with_nothing_to_do_sleeps_until_its_next_timer(runner: asyncio.Runner) -> None:
    began, cpu = time.monotonic(), time.thread_time()
    assert runner.run(asyncio.wait_for(asyncio.sleep(0.2, "awake"), 5)) == "awake"
    assert time.monotonic() - began >= 0.2
    assert time.thread_time() - cpu < 0.1


def test_timers_that_are_called_off_are_forgotten(runner: asyncio.Runner) -> None:
    async def call_off() -> int:
        loop = asyncio.get_running_loop()
        for _ in range(1000):
            loop.call_later(3600, print).cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return len(loop._scheduled)  # type: ignore[attr-defined]

    assert runner.run(call_off()) == 0


def test_a_loop_that_has_to_watch_a_socket_becomes_an_ordinary_one(runner: asyncio.Runner) -> None:
    async def talk() -> bytes:
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=ours)
        threading.Thread(target=theirs.sendall, args=(b"hello\n",)).start()
        line = await reader.readline()
        assert await asyncio.to_thread(lambda: "and threads still wake it")
        writer.close()
        await writer.wait_closed()
        theirs.close()
        return line

    assert runner.run(talk()) == b"hello\n"


def test_code_for_the_inline_executor_runs_in_the_loops_thread_and_its_failure_is_told(runner: asyncio.Runner) -> None:
    async def ask() -> int:
        loop, executor = asyncio.get_running_loop(), InlineExecutor()
        with pytest.raises(KeyError):
            await loop.run_in_executor(executor, dict[str, int]().__getitem__, "missing")
        return await asyncio.wait_for(loop.run_in_executor(executor, threading.get_ident), 5)

    assert runner.run(ask()) == threading.get_ident()
