"""What is removed: a run at a client's wish, the runs of a deleted namespace, and closed runs after their retention."""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import partial

from wfctl.devserver.core.entities import completion
from wfctl.devserver.core.execution import Execution
from wfctl.devserver.core.namespace import Namespace
from wfctl.devserver.engine.runs import Run, Runs, no_such_run
from wfctl.devserver.services.namespaces import Namespaces
from wfctl.devserver.storage import executions, histories, visibility

# Runs that are deleted in one commit; between two, other work has its turn.
BATCH = 100
SWEEP_SECONDS = 30.0
# How long a deletion waits for the relatives of its run to hear of the end.
LAST_WORDS_SECONDS = 10.0


def start(runs: Runs, namespaces: Namespaces) -> None:
    """Go on with what an earlier server left, then sweep now and then."""
    for namespace in namespaces.all():
        if namespace.is_being_deleted:
            runs.spawn(empty_namespace(runs, namespaces, namespace))
    runs.spawn(_sweep_forever(runs, namespaces))


async def empty_namespace(runs: Runs, namespaces: Namespaces, namespace: Namespace) -> None:
    """Delete a namespace's runs, open or closed, and then the namespace."""
    while True:
        keys = await runs.database.scan(lambda raw: executions.of_namespace(raw, namespace.id, BATCH))
        if not keys:
            break
        await asyncio.gather(*map(runs.delete, keys))
    await namespaces.remove(namespace)


async def delete_workflow_execution(runs: Runs, namespace_id: str, workflow_id: str, run_id: str) -> None:
    """Remove a run; a running one is terminated first, so that those around it are told. Raises NotFound."""
    while True:
        key = runs.find_key(namespace_id, workflow_id, run_id)
        if key is None or runs.is_deleting(key):
            raise no_such_run(workflow_id, run_id)
        run = runs.cache.get(key)
        if run is not None:
            if run.is_running:
                runs.step(run, _terminate)
                await _let_say_last_words(runs, run)
            break
        head = await runs.database.read(partial(histories.head, run_key=key))
        if head is not None and not head.is_open:
            break
        await runs.load_or_none(key)
    await asyncio.shield(asyncio.ensure_future(runs.delete(key)))


async def _let_say_last_words(runs: Runs, run: Run) -> None:
    """Once the run is off the disk, nothing after a crash would tell its relatives that it ended."""
    if completion.has_last_words(run.execution):
        await runs.wait(run, lambda: run.said_last_words, LAST_WORDS_SECONDS)


def _terminate(execution: Execution) -> None:
    completion.terminate(execution, "Delete workflow execution", None, completion.SERVER)


async def sweep(runs: Runs, namespaces: Namespaces, now: datetime) -> int:
    """Delete what closed before its namespace's retention; how many runs that were."""
    deleted = 0
    for namespace in namespaces.all():
        if namespace.retention_seconds is None:
            continue
        before = int((now.timestamp() - namespace.retention_seconds) * 1e9)
        deleted += await _delete_closed(runs, namespace.id, before)
    return deleted


async def _delete_closed(runs: Runs, namespace_id: str, before: int) -> int:
    deleted = 0
    while keys := await runs.database.scan(lambda raw: visibility.closed_before(raw, namespace_id, before, BATCH)):
        await asyncio.gather(*map(runs.delete, keys))
        deleted += len(keys)
    return deleted


async def _sweep_forever(runs: Runs, namespaces: Namespaces) -> None:
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        await sweep(runs, namespaces, runs.clock.now())
