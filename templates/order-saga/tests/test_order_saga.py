from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle, WorkflowHistory, WorkflowUpdateFailedError
from temporalio.worker import Replayer, Worker

from activities import ACTIVITIES
from models import Decision, Order, Outcome
from workflows import TASK_QUEUE, OrderSaga

HISTORIES = sorted((Path(__file__).parents[1] / "histories").glob("*.json"))
Saga = WorkflowHandle[OrderSaga, Outcome]


@pytest_asyncio.fixture
async def worked(client: Client) -> AsyncIterator[Client]:
    async with Worker(client, task_queue=TASK_QUEUE, workflows=[OrderSaga], activities=ACTIVITIES):
        yield client


async def start(client: Client, order: Order) -> Saga:
    return await client.start_workflow(OrderSaga.run, order, id=order.order_id, task_queue=TASK_QUEUE)


async def test_an_approved_order_ships(worked: Client) -> None:
    saga = await start(worked, Order("approved", card="flaky"))
    await saga.signal(OrderSaga.approve, "ada")
    outcome = await saga.result()
    assert (outcome.result, outcome.tracking, outcome.undone) == ("shipped", "tracking-approved", [])
    status = await saga.query(OrderSaga.status)
    assert (status.done, status.decided_by) == (["reserve", "charge", "ship"], "ada")


async def test_a_rejected_order_is_undone_in_reverse(worked: Client) -> None:
    saga = await start(worked, Order("rejected"))
    await saga.signal(OrderSaga.reject, "ada")
    outcome = await saga.result()
    assert (outcome.result, outcome.undone) == ("rejected", ["refund", "release"])


async def test_an_order_that_nobody_decides_expires(worked: Client) -> None:
    saga = await start(worked, Order("expired", approval_seconds=0.2))
    outcome = await saga.result()
    assert (outcome.result, outcome.undone) == ("expired", ["refund", "release"])


@pytest.mark.parametrize(
    ("order", "undone"),
    [
        (Order("no-stock", item="unobtainium"), []),
        (Order("no-money", card="declined"), ["release"]),
        (Order("no-carrier", address="nowhere"), ["refund", "release"]),
    ],
    ids=lambda value: value.order_id if isinstance(value, Order) else "",
)
async def test_a_failed_step_undoes_those_before_it(worked: Client, order: Order, undone: list[str]) -> None:
    saga = await start(worked, order)
    await saga.signal(OrderSaga.approve, "ada")
    with pytest.raises(WorkflowFailureError):
        await saga.result()
    assert (await saga.query(OrderSaga.status)).undone == undone


async def test_an_update_says_whether_the_decision_counted(worked: Client) -> None:
    saga = await start(worked, Order("decided"))
    with pytest.raises(WorkflowUpdateFailedError):
        await saga.execute_update(OrderSaga.decide, Decision(approved=True, by=""))
    assert await saga.execute_update(OrderSaga.decide, Decision(approved=True, by="ada")) == "approved"
    assert (await saga.result()).result == "shipped"


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_a_stored_history_still_replays(path: Path) -> None:
    history = WorkflowHistory.from_json(path.stem, path.read_text())
    await Replayer(workflows=[OrderSaga]).replay_workflow(history)
