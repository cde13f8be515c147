"""A task queue: order, fairness, limits, and polls that come and go."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from wfctl.devserver.matching.queue import Backlog, Bucket, Rate, Task, TaskQueue

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def task(name: int, **fields: Any) -> Task:
    values: dict[str, Any] = {"attempt": 1, "priority_key": 3, "added_at": NOW, **fields}
    return Task(name, 1, **values)


async def drained(queue: TaskQueue) -> list[int]:
    """The run keys of all that waits, as polls would get them."""
    taken = []
    while (found := await queue.take("worker", 0)) is not None:
        taken.append(found.run_key)
    return taken


async def test_tasks_leave_by_priority_then_in_order_of_arrival() -> None:
    queue = TaskQueue("namespace", "queue")
    for name, priority_key in ((1, 3), (2, 5), (3, 1), (4, 3), (5, 1)):
        queue.add(task(name, priority_key=priority_key))
    assert await drained(queue) == [3, 5, 1, 4, 2]


async def test_fairness_keys_take_turns() -> None:
    queue = TaskQueue("namespace", "queue")
    for name in range(4):
        queue.add(task(name, fairness_key="many"))
    queue.add(task(10, fairness_key="one"))
    assert await drained(queue) == [0, 10, 1, 2, 3]


async def test_a_key_of_double_weight_gets_two_turns_for_one() -> None:
    queue = TaskQueue("namespace", "queue")
    queue.weights = {"heavy": 2.0}
    for name in range(6):
        queue.add(task(name, fairness_key="heavy"))
        queue.add(task(name + 10, fairness_key="light"))
    first = (await drained(queue))[:6]
    assert sum(name < 10 for name in first) == 4


async def test_a_key_that_comes_late_does_not_catch_up_on_what_it_missed() -> None:
    queue = TaskQueue("namespace", "queue")
    for name in range(6):
        queue.add(task(name, fairness_key="early"))
    for _ in range(3):
        await queue.take("worker", 0)
    for name in range(10, 13):
        queue.add(task(name, fairness_key="late"))
    assert await drained(queue) == [3, 10, 4, 11, 5, 12]


async def test_a_parked_poll_gets_the_next_task_at_once() -> None:
    queue = TaskQueue("namespace", "queue")
    poll = asyncio.ensure_future(queue.take("worker", 60))
    await asyncio.sleep(0)
    queue.add(task(1))
    found = await poll
    assert found is not None
    assert found.run_key == 1
    assert queue.backlog_count == 0


async def test_a_task_whose_poll_is_gone_returns_to_the_head() -> None:
    queue = TaskQueue("namespace", "queue")
    poll = asyncio.ensure_future(queue.take("worker", 60))
    await asyncio.sleep(0)
    queue.add(task(1))
    poll.cancel()  # its client went away before it saw the task
    await asyncio.gather(poll, return_exceptions=True)
    queue.add(task(2))
    assert await drained(queue) == [1, 2]


async def test_only_the_polls_of_the_worker_that_leaves_are_cut() -> None:
    queue = TaskQueue("namespace", "queue")
    leaving = asyncio.ensure_future(queue.take("leaving", 60))
    staying = asyncio.ensure_future(queue.take("staying", 60))
    await asyncio.sleep(0)
    queue.cut_polls("leaving")
    assert await leaving is None
    queue.add(task(1))
    assert (await staying) is not None


async def test_a_limited_queue_holds_tasks_back_until_their_time() -> None:
    queue = TaskQueue("namespace", "queue")
    queue.set_limit(20)
    for name in range(22):
        queue.add(task(name))
    assert len(await drained(queue)) == 20  # a second's worth
    started = asyncio.get_running_loop().time()
    assert (await queue.take("worker", 60)) is not None
    assert asyncio.get_running_loop().time() - started > 0.02


async def test_a_queue_limited_to_nothing_gives_nothing_until_the_limit_is_lifted() -> None:
    queue = TaskQueue("namespace", "queue")
    queue.set_limit(0)
    queue.add(task(1))
    poll = asyncio.ensure_future(queue.take("worker", 60))
    await asyncio.sleep(0)
    assert not poll.done()
    queue.set_limit(None)
    assert (await poll) is not None


async def test_an_operator_s_limit_goes_before_a_worker_s() -> None:
    queue = TaskQueue("namespace", "queue")
    queue.set_worker_limit(1)
    queue.set_limit(100)
    for name in range(5):
        queue.add(task(name))
    assert len(await drained(queue)) == 5


def test_a_bucket_fills_up_to_a_second_s_worth() -> None:
    bucket = Bucket(2, now=0)
    for _ in range(2):
        assert bucket.wait_seconds(0) == 0
        bucket.spend()
    assert bucket.wait_seconds(0) == 0.5
    assert bucket.wait_seconds(100) == 0


def test_rates_forget_what_is_long_ago() -> None:
    rate = Rate()
    for _ in range(60):
        rate.count(NOW)
    assert rate.per_second(NOW) == 2.0
    assert rate.per_second(NOW + timedelta(minutes=1)) == 0.0


def test_the_backlog_is_told_by_priority() -> None:
    queue = TaskQueue("namespace", "queue")
    queue.add(task(1, priority_key=1, added_at=NOW + timedelta(seconds=1)))
    queue.add(task(2))
    queue.add(task(3))
    assert {key: backlog.count for key, backlog in queue.backlog_by_priority().items()} == {1: 1, 3: 2}
    assert queue.backlog().oldest_added_at == NOW


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("add"), st.integers(1, 5), st.integers(0, 9)),
            st.tuples(st.sampled_from(["take", "discard", "return", "describe"]), st.integers(0, 9), st.just(0)),
        ),
        max_size=40,
    )
)
async def test_what_is_told_of_a_backlog_is_what_a_look_at_every_task_tells(steps: list[tuple[str, int, int]]) -> None:
    queue = TaskQueue("namespace", "queue")
    for number, (what, which, second) in enumerate(steps):
        waiting = [entry[3] for entry in queue._backlog]
        if what == "add":
            queue.add(task(number, priority_key=which, added_at=NOW + timedelta(seconds=second)))
        elif what == "take":
            await queue.take("worker", 0)
        elif what == "return" and (taken := await queue.take("worker", 0)):
            queue._return(taken)
        elif what == "discard" and waiting:
            queue.discard(waiting[which % len(waiting)])
        if what != "describe" and number < len(steps) - 1:
            continue
        waiting = [entry[3] for entry in queue._backlog]
        by_priority = {
            key: [each.added_at for each in waiting if each.priority_key == key]
            for key in sorted({each.priority_key for each in waiting})
        }
        assert queue.backlog_by_priority() == {key: Backlog(len(at), min(at)) for key, at in by_priority.items()}
        assert queue.backlog() == Backlog(len(waiting), min((each.added_at for each in waiting), default=None))
