"""Records the histories of the other languages' projects: their own workers against our dev server.

    PYTHONPATH=. python tests/replay/runners/record.py typescript|go|java

Each project is a copy, as in the tests; its `base` version makes all histories but `audited`, which `patched` makes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle

from tests.replay.runners import projects
from tests.support.server import ROOT, running_server

QUEUE = "runners"


@contextlib.asynccontextmanager
async def worker(command: list[str], directory: Path) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdin is not None
    while (line := await process.stdout.readline()).strip() != b"ready":
        if not line:
            raise RuntimeError(f"{command[0]} ended with {await process.wait()}")
    try:
        yield
    finally:
        process.stdin.close()
        await process.wait()


async def settled(handle: WorkflowHandle[Any, Any]) -> None:
    """Its timer runs and no workflow task is due: it waits for the approval."""
    for _ in range(600):
        kinds = [event.event_type for event in (await handle.fetch_history()).events]
        timers = kinds.count(EventType.EVENT_TYPE_TIMER_STARTED)
        if timers == 2 and kinds[-1] == EventType.EVENT_TYPE_TIMER_STARTED:
            return
        await asyncio.sleep(0.05)
    raise TimeoutError(f"{handle.id} never waited")


async def save(handle: WorkflowHandle[Any, Any], project: Path, name: str) -> None:
    history = (await handle.fetch_history()).to_json_dict()
    file = projects.HERE / project.name / "histories" / f"{name}.json"
    file.parent.mkdir(exist_ok=True)
    text = json.dumps(history, indent=1)
    for place in (str(ROOT), str(project.parent)):  # stack traces name the machine's paths
        text = text.replace(f"{place}/", "")
    file.write_text(text + "\n")
    print(f"{project.name} {name}: {len(history['events'])} events")


async def run(client: Client, project: Path, name: str, amount: int, *, approve: bool = False) -> None:
    order = {"id": name, "item": "lamp", "amount": amount}
    handle = await client.start_workflow("Order", order, id=name, task_queue=QUEUE)
    if amount > 100:
        await settled(handle)
    if approve:
        await handle.signal("approve")
    if amount <= 100 or approve:
        with contextlib.suppress(WorkflowFailureError):
            await handle.result()
    await save(handle, project, name)


async def subscribe(client: Client, project: Path) -> None:
    handle = await client.start_workflow("Subscription", 1, id="subscription", task_queue=QUEUE)
    await handle.result()
    first = client.get_workflow_handle("subscription", run_id=handle.first_execution_run_id)
    await save(first, project, "subscription")


async def record(language: str, directory: Path) -> None:
    project = projects.copied(language, directory)
    with running_server(directory) as server:
        client = await Client.connect(server.address)
        async with worker(projects.worker(language, project, server.address, QUEUE, "base"), project):
            await run(client, project, "shipped", 50)
            await run(client, project, "declined", 13)
            await run(client, project, "approved", 500, approve=True)
            await run(client, project, "waiting", 500)
            await subscribe(client, project)
        async with worker(projects.worker(language, project, server.address, QUEUE, "patched"), project):
            await run(client, project, "audited", 50)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        asyncio.run(record(sys.argv[1], Path(scratch)))
