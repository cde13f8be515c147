"""Records the corpus: real workers against our own dev server, each scenario's history saved as JSON.

    PYTHONPATH=. python tests/replay/corpus/record.py [NAME…]

Histories already recorded are kept unless they are named, so that event ids in the table of expectations stay true.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import temporalio
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import PollWorkflowTaskQueueRequest, ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.worker import Worker

from tests.replay.corpus import activities
from tests.replay.corpus.workflows.orders.models import Item, Order, Priority
from tests.support.server import ROOT, running_server

HERE = Path(__file__).parent
HISTORIES = HERE / "histories"
QUEUE = "corpus"

Handle = WorkflowHandle[Any, Any]
Script = Callable[["Stage", Handle], Awaitable[None]]


@dataclass
class Stage:
    client: Client

    async def until(self, handle: Handle, ready: Callable[[list[int]], bool]) -> None:
        """Waits until the history's event types satisfy `ready`."""
        for _ in range(600):
            events = (await handle.fetch_history()).events
            if ready([event.event_type for event in events]):
                return
            await asyncio.sleep(0.05)
        raise TimeoutError(f"{handle.id} never got there")


@dataclass(frozen=True)
class Scenario:
    name: str
    module: str
    workflow: str
    args: tuple[Any, ...]
    script: Script | None = None
    open: bool = False
    """Saved while the run is still open, after its script."""
    after: Script | None = None
    """Runs when the worker is gone."""
    before: Script | None = None
    also: tuple[str, ...] = ()
    """Other modules the worker has."""
    seconds: float = 900.0
    """The run's timeout."""


def _count(kinds: list[int], name: str) -> int:
    return kinds.count(EventType.Value(f"EVENT_TYPE_{name}"))


def seen(name: str, times: int = 1) -> Script:
    async def wait(stage: Stage, handle: Handle) -> None:
        await stage.until(handle, lambda kinds: _count(kinds, name) >= times)

    return wait


def settled(name: str, times: int = 1) -> Script:
    """That many events of the kind, and the last workflow task completed."""

    async def wait(stage: Stage, handle: Handle) -> None:
        await stage.until(
            handle,
            lambda kinds: (
                _count(kinds, name) >= times
                and _count(kinds, "WORKFLOW_TASK_SCHEDULED") == _count(kinds, "WORKFLOW_TASK_COMPLETED")
            ),
        )

    return wait


def signal(name: str, *args: Any) -> Script:
    return lambda _, handle: handle.signal(name, args=args)


def update(name: str, *args: Any) -> Script:
    async def run(_: Stage, handle: Handle) -> None:
        try:
            await handle.execute_update(name, args=args)
        except WorkflowUpdateFailedError:
            pass

    return run


async def cancel(_: Stage, handle: Handle) -> None:
    await handle.cancel()


async def terminate(_: Stage, handle: Handle) -> None:
    await handle.terminate("enough")


def reset_to(event_id: int) -> Script:
    async def run(stage: Stage, handle: Handle) -> None:
        await handle.result()
        request = ResetWorkflowExecutionRequest(
            namespace="default",
            workflow_execution=WorkflowExecution(workflow_id=handle.id),
            reason="again",
            workflow_task_finish_event_id=event_id,
            request_id=handle.id,
        )
        await stage.client.workflow_service.reset_workflow_execution(request)

    return run


def steps(*scripts: Script) -> Script:
    async def run(stage: Stage, handle: Handle) -> None:
        for script in scripts:
            await script(stage, handle)

    return run


async def poll(stage: Stage, handle: Handle) -> None:
    """Takes the next workflow task and never answers."""
    queue = TaskQueue(name=f"{QUEUE}-{handle.id}")
    await stage.client.workflow_service.poll_workflow_task_queue(
        PollWorkflowTaskQueueRequest(namespace="default", task_queue=queue, identity="nobody")
    )


def start_beside(workflow: str, name: str, *args: Any) -> Script:
    async def run(stage: Stage, handle: Handle) -> None:
        queue = f"{QUEUE}-{handle.id}"
        await stage.client.start_workflow(workflow, args=args, id=f"{handle.id}/{name}", task_queue=queue)

    return run


TASK = "WORKFLOW_TASK_COMPLETED"
DONE = "ACTIVITY_TASK_COMPLETED"
SCENARIOS = [
    Scenario("saga-ships", "saga", "OrderSaga", ("a1",)),
    Scenario("saga-declined", "saga", "OrderSaga", ("POOR-1",)),
    Scenario("saga-lost", "saga", "OrderSaga", ("LOST-1",)),
    Scenario("saga-refused", "saga", "OrderSaga", ("FAIL-1",)),
    Scenario("saga-flaky", "saga", "OrderSaga", ("FLAKY-1",)),
    Scenario("saga-reset", "saga", "OrderSaga", ("a2",), reset_to(10)),
    Scenario(
        "approval-approved", "approval", "Approval", ("plan", 60.0), steps(seen(DONE), signal("decide", "approve"))
    ),
    Scenario("approval-rejected", "approval", "Approval", ("plan", 60.0), steps(seen(DONE), signal("decide", "no"))),
    Scenario("approval-late", "approval", "Approval", ("plan", 0.1)),
    Scenario("approval-early", "approval", "Approval", ("plan", 60.0), signal("decide", "approve")),
    Scenario("approval-open", "approval", "Approval", ("plan", 600.0), settled("TIMER_STARTED"), open=True),
    Scenario(
        "approval-terminated", "approval", "Approval", ("plan", 600.0), steps(settled("TIMER_STARTED"), terminate)
    ),
    Scenario("approval-cancelled", "approval", "Approval", ("plan", 600.0), steps(settled("TIMER_STARTED"), cancel)),
    Scenario("approval-timed-out", "approval", "Approval", ("plan", 600.0), seconds=1.5),
    Scenario(
        "approval-scheduled",
        "approval",
        "Approval",
        ("plan", 600.0),
        settled("TIMER_STARTED"),
        open=True,
        after=signal("decide", "approve"),
    ),
    Scenario(
        "approval-started",
        "approval",
        "Approval",
        ("plan", 600.0),
        settled("TIMER_STARTED"),
        open=True,
        after=steps(signal("decide", "approve"), poll),
    ),
    Scenario("saga-stuck", "saga_broken", "OrderSaga", ("a3",), seen("WORKFLOW_TASK_FAILED"), open=True),
    Scenario(
        "dispatch-both",
        "external",
        "Dispatcher",
        ("dispatch-both/target", "dispatch-both/victim"),
        before=steps(
            start_beside("Approval", "target", "plan", 60.0), start_beside("Subscription", "victim", "customer")
        ),
        also=("approval", "machine"),
    ),
    Scenario("fan-out-1", "fan_out", "Thumbnails", (["a"],)),
    Scenario("fan-out-3", "fan_out", "Thumbnails", (["a", "b", "c"],)),
    Scenario("fan-out-20", "fan_out", "Thumbnails", ([f"i{n}" for n in range(20)],)),
    Scenario("fan-out-failed", "fan_out", "Thumbnails", (["a", "FAIL", "c"],)),
    Scenario("fan-out-flaky", "fan_out", "Thumbnails", (["a", "FLAKY"],)),
    Scenario("children-none", "children", "Delivery", ([],)),
    Scenario("children-two", "children", "Delivery", (["x", "y"],)),
    Scenario("children-lost", "children", "Delivery", (["x", "FAIL"],)),
    Scenario("pages-one", "pages", "Pages", (1, 1, 3)),
    Scenario("pages-chain", "pages", "Pages", (1, 5, 2)),
    Scenario("cart-empty", "cart", "Cart", ("c1",), steps(seen(TASK), signal("close"))),
    Scenario(
        "cart-two", "cart", "Cart", ("c1",), steps(update("add", "tea", 2), update("add", "milk", 1), signal("close"))
    ),
    Scenario(
        "cart-invalid",
        "cart",
        "Cart",
        ("c1",),
        steps(update("add", "tea", 0), update("add", "tea", 1), signal("close")),
    ),
    Scenario("cart-cleared", "cart", "Cart", ("c1",), steps(update("add", "tea", 2), update("clear"), signal("close"))),
    Scenario("cart-open", "cart", "Cart", ("c1",), steps(update("add", "tea", 2), settled(DONE)), open=True),
    Scenario("billing-new", "patched", "Billing", ("acc",)),
    Scenario("billing-new-open", "patched", "Billing", ("acc-FAIL",), settled("TIMER_STARTED"), open=True),
    Scenario("billing-old", "patched_before", "Billing", ("acc",)),
    Scenario("billing-old-open", "patched_before", "Billing", ("acc",), settled("TIMER_STARTED"), open=True),
    Scenario("pricing", "local", "Pricing", ("xy", 0.0)),
    Scenario("pricing-slept", "local", "Pricing", ("xyz", 0.1)),
    Scenario("pricing-open", "local", "Pricing", ("xyz", 600.0), settled("TIMER_STARTED"), open=True),
    *(Scenario(f"lottery-{n}", "chance", "Lottery", (f"n{n}",)) for n in range(4)),
    Scenario("job-done", "cancelling", "Job", ("quick", 60.0)),
    Scenario("job-slow", "cancelling", "Job", ("LONG", 0.2)),
    Scenario("job-cancelled", "cancelling", "Job", ("LONG", 60.0), steps(seen("ACTIVITY_TASK_SCHEDULED"), cancel)),
    Scenario("job-open", "cancelling", "Job", ("LONG", 60.0), settled("TIMER_STARTED"), open=True),
    Scenario(
        "subscription-cancelled",
        "machine",
        "Subscription",
        ("s1",),
        steps(signal("command", "buy"), seen(DONE), signal("command", "cancel")),
    ),
    Scenario(
        "subscription-paused",
        "machine",
        "Subscription",
        ("s1",),
        steps(
            *(signal("command", name) for name in ("pause", "buy", "resume", "gift", "cancel")),
        ),
    ),
    Scenario(
        "subscription-told",
        "machine",
        "Subscription",
        ("s1",),
        steps(signal("tell", "hello"), seen(DONE), signal("command", "cancel")),
    ),
    Scenario(
        "subscription-open",
        "machine",
        "Subscription",
        ("s1",),
        steps(signal("command", "buy"), settled(DONE)),
        open=True,
    ),
    Scenario("upload", "retrying", "Upload", ("file",)),
    Scenario("upload-flaky", "retrying", "Upload", ("FLAKY-file",)),
    Scenario("upload-unheard", "retrying", "Upload", ("LATE-file",)),
    Scenario("upload-failed", "retrying", "Upload", ("FAIL-file",)),
    Scenario("shipment", "attributes", "Shipment", ("box",)),
    Scenario("shipment-lost", "attributes", "Shipment", ("LOST-box",)),
    Scenario("shipment-reset", "attributes", "Shipment", ("box",), reset_to(4)),
    Scenario("dispatch-nobody", "external", "Dispatcher", ("nobody-here", "")),
    Scenario("orders-plain", "orders", "Fulfilment", (Order("o1", [Item("a")]),)),
    Scenario("orders-gift", "orders", "Fulfilment", (Order("o2", [Item("a"), Item("b")], Priority.HIGH, True),)),
    Scenario("orders-unpaid", "orders", "Fulfilment", (Order("FAIL-o3", [Item("a")]),)),
    Scenario(
        "orders-cancelled",
        "orders",
        "Fulfilment",
        (Order("o4", [Item("a")]),),
        steps(seen("TIMER_STARTED"), signal("cancel_order", "mind changed")),
    ),
    Scenario("alerts-all", "alerts", "alert", ("hello big wide world", ["email", "sms", "fax", "push"])),
    Scenario("alerts-sms", "alerts", "alert", ("hi", ["sms"])),
    Scenario(
        "wallet-busy",
        "wallet",
        "Wallet",
        ("eve",),
        steps(
            *(update(*one) for one in (("deposit", 500), ("spend", 150), ("spend", 5000), ("freeze", True))),
            update("deposit", 5),
            signal("whatever", 1),
            signal("close"),
        ),
    ),
    Scenario("wallet-over", "wallet", "Wallet", ("eve",), steps(update("spend", 20), signal("close"))),
    Scenario("trip-fine", "trip", "Trip", ("ann",)),
    Scenario("trip-home", "trip", "Trip", ("FAIL-ann",)),
    Scenario("trip-cancelled", "trip", "Trip", ("LONG-ann",), steps(seen("TIMER_STARTED"), cancel)),
    Scenario("pipeline-all", "pipeline", "Pipeline", ("s3",)),
    Scenario("pipeline-skip", "pipeline", "Pipeline", ("s3",), signal("skip_stage", "load")),
    Scenario("batch-3", "batch", "Batch", (3,)),
    Scenario("batch-500", "batch", "Batch", (500,)),
]


def workflow_classes(module: str) -> list[type]:
    loaded = importlib.import_module(f"tests.replay.corpus.workflows.{module}")
    return [value for value in vars(loaded).values() if hasattr(value, "__temporal_workflow_definition")]


async def record(stage: Stage, scenario: Scenario) -> None:
    async with Worker(
        stage.client,
        task_queue=f"{QUEUE}-{scenario.name}",
        workflows=[one for module in (scenario.module, *scenario.also) for one in workflow_classes(module)],
        activities=activities.ALL,
        max_cached_workflows=0 if scenario.after else 50,
    ):
        if scenario.before is not None:
            await scenario.before(stage, stage.client.get_workflow_handle(scenario.name))
        handle = await stage.client.start_workflow(
            scenario.workflow,
            args=scenario.args,
            id=scenario.name,
            task_queue=f"{QUEUE}-{scenario.name}",
            run_timeout=timedelta(seconds=scenario.seconds),
        )
        if scenario.script is not None:
            await scenario.script(stage, handle)
        if not scenario.open:
            try:
                await stage.client.get_workflow_handle(scenario.name).result()
            except WorkflowFailureError:
                pass
    if scenario.after is not None:
        await scenario.after(stage, stage.client.get_workflow_handle(scenario.name))
    await save(stage, scenario)


async def save(stage: Stage, scenario: Scenario) -> None:
    """Every run of the workflow id (chains, resets), and its children."""
    found = [one async for one in stage.client.list_workflows(f"WorkflowId STARTS_WITH '{scenario.name}'")]
    runs = [one for one in found if one.id == scenario.name or one.id.startswith(scenario.name + "/")]
    runs.sort(key=lambda one: (one.id, one.start_time, one.run_id))
    by_id: dict[str, int] = {}
    total = {one.id: sum(other.id == one.id for other in runs) for one in runs}
    for one in runs:
        by_id[one.id] = by_id.get(one.id, 0) + 1
        name = one.id.replace("/", "-") + (f".{by_id[one.id]}" if total[one.id] > 1 else "")
        history = await stage.client.get_workflow_handle(one.id, run_id=one.run_id).fetch_history()
        (HISTORIES / f"{name}.json").write_text(_without_paths(history.to_json()) + "\n")
        print(name, len(history.events), "events")


def _without_paths(text: str) -> str:
    """Stack traces as any machine would have them."""
    packages = str(Path(temporalio.__file__).parents[1])
    return text.replace(packages, "/venv/lib/python3.11/site-packages").replace(str(ROOT), "/project")


async def main(names: list[str]) -> None:
    chosen = [
        one for one in SCENARIOS if (one.name in names if names else not any(HISTORIES.glob(f"{one.name}*.json")))
    ]
    flags = ["--search-attribute", "CustomKeywordField=Keyword", "--search-attribute", "CustomIntField=Int"]
    with tempfile.TemporaryDirectory() as directory, running_server(Path(directory), options=flags) as server:
        stage = Stage(await Client.connect(server.address))
        for scenario in chosen:
            try:
                await asyncio.wait_for(record(stage, scenario), 60)
            except Exception as error:
                print(f"FAILED {scenario.name}: {error!r}", file=sys.stderr)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
