"""`kill -9` under load, as a program of its own: `python -m tests.faults.killer DIRECTORY`.

A real worker and a dozen customers, who start workflows and send signals, run against a server on a file. A killer ends
the server at random moments, sometimes while it still boots, and starts it again on the same port and file. Requests
that fail are sent again with the same request id. At the end every history is checked and replayed, and a JSON report
says how much was done. `WFCTL_TEST_SEED` repeats a run's moments, `WFCTL_TEST_KILLS` sets how many.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import sqlite3
import sys
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from google.protobuf.duration_pb2 import Duration
from temporalio.api.common.v1 import Payloads, WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import EventType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import SignalWorkflowExecutionRequest, StartWorkflowExecutionRequest
from temporalio.client import Client, WorkflowHistory
from temporalio.converter import default as default_converter
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Replayer, Worker

from tests.faults.ledger import Ledger, book
from tests.support.server import Server, free_port, spawn_server

KILLS = int(os.environ.get("WFCTL_TEST_KILLS", "20"))
CUSTOMERS = 12
DEPOSITS = 4
LEAST_WORKFLOWS = 60
# A task that was handed out and lost with the server comes back after this long.
TASK_TIMEOUT = timedelta(seconds=2)
LONGEST_THOUGHT_SECONDS = 0.03
QUEUE = "ledgers"
RETRYABLE = {
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.CANCELLED,
    RPCStatusCode.UNKNOWN,
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.INTERNAL,
}

Answer = TypeVar("Answer")


@dataclass
class Account:
    """One workflow as its customer remembers it."""

    workflow_id: str
    run_id: str
    amounts: list[int] = field(default_factory=list)


@dataclass
class Bank:
    """The server under test and what its customers were told."""

    directory: Path
    port: int
    dice: random.Random
    accounts: list[Account] = field(default_factory=list)
    acknowledged: Counter[str] = field(default_factory=Counter)
    interrupted: int = 0
    kills: int = 0
    open_at_kills: list[int] = field(default_factory=list)
    closed: int = 0
    server: Server | None = None
    up: asyncio.Event = field(default_factory=asyncio.Event)
    amounts: Callable[[], int] = field(default_factory=lambda: itertools.count(1).__next__)

    @property
    def database(self) -> Path:
        return self.directory / "dev.db"

    def spawn(self) -> Server:
        return spawn_server(self.directory, port=self.port, options=["--db-filename", str(self.database)])

    async def boot(self) -> None:
        self.server = self.spawn()
        await asyncio.to_thread(self.server.wait_until_ready)
        self.up.set()

    def count_kill(self) -> None:
        self.kills += 1
        self.open_at_kills.append(len(self.accounts) - self.closed)

    async def kill(self) -> None:
        assert self.server is not None
        self.up.clear()
        self.server.kill()
        self.count_kill()
        while self.kills < KILLS and self.dice.random() < 0.2:
            booting = self.spawn()
            await asyncio.sleep(self.dice.uniform(0, 0.5))
            booting.kill()
            self.count_kill()
        await self.boot()


async def kill_at_random_moments(bank: Bank) -> None:
    """The moments are the point of the test: these pauses are no waits."""
    while bank.kills < KILLS:
        await asyncio.sleep(bank.dice.uniform(0.1, 1.2))
        await bank.kill()


async def insist(bank: Bank, request: Callable[[], Awaitable[Answer]]) -> Answer:
    """Send until the server answers; a server that went away in between is no answer."""
    while True:
        await bank.up.wait()
        try:
            return await request()
        except RPCError as error:
            if error.status not in RETRYABLE:
                raise
            bank.interrupted += 1


async def open_account(bank: Bank, client: Client) -> Account:
    timeout = Duration()
    timeout.FromTimedelta(TASK_TIMEOUT)
    request = StartWorkflowExecutionRequest(
        namespace="default",
        workflow_id=f"ledger-{uuid.uuid4()}",
        workflow_type=WorkflowType(name="Ledger"),
        task_queue=TaskQueue(name=QUEUE),
        input=await payloads(DEPOSITS),
        workflow_task_timeout=timeout,
        request_id=str(uuid.uuid4()),
    )
    started = await insist(bank, lambda: client.workflow_service.start_workflow_execution(request, retry=False))
    bank.acknowledged["start"] += 1
    account = Account(request.workflow_id, started.run_id)
    bank.accounts.append(account)
    return account


async def deposit(bank: Bank, client: Client, account: Account) -> None:
    amount = bank.amounts()
    account.amounts.append(amount)
    request = SignalWorkflowExecutionRequest(
        namespace="default",
        workflow_execution=WorkflowExecution(workflow_id=account.workflow_id),
        signal_name="deposit",
        input=await payloads(amount),
        request_id=str(uuid.uuid4()),
    )
    interrupted = bank.interrupted
    try:
        await insist(bank, lambda: client.workflow_service.signal_workflow_execution(request, retry=False))
    except RPCError as error:
        # The answer was lost, the signal was not, and it was the last one: the workflow is closed by now.
        if error.status != RPCStatusCode.NOT_FOUND or bank.interrupted == interrupted:
            raise
        bank.acknowledged["signal, by the workflow's end"] += 1
        return
    bank.acknowledged["signal"] += 1


async def payloads(value: int) -> Payloads:
    return Payloads(payloads=await default_converter().encode([value]))


async def customer(bank: Bank, client: Client) -> None:
    while bank.kills < KILLS or len(bank.accounts) < LEAST_WORKFLOWS:
        account = await open_account(bank, client)
        for _ in range(DEPOSITS):
            await asyncio.sleep(bank.dice.uniform(0, LONGEST_THOUGHT_SECONDS))
            await deposit(bank, client, account)
        ledger = client.get_workflow_handle_for(Ledger.run, account.workflow_id)
        assert await insist(bank, ledger.result) == 2 * sum(account.amounts)
        bank.closed += 1


def check_history(account: Account, history: WorkflowHistory) -> None:
    events = history.events
    assert [event.event_id for event in events] == list(range(1, len(events) + 1))
    kinds = Counter(EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in events)
    assert kinds["WORKFLOW_EXECUTION_STARTED"] == 1
    assert kinds["WORKFLOW_EXECUTION_COMPLETED"] == 1
    assert events[-1].event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, "something follows the end"
    received = [
        int(event.workflow_execution_signaled_event_attributes.input.payloads[0].data)
        for event in events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
    ]
    assert received == account.amounts, "each signal once, in the order of its acknowledgement"


async def check_accounts(bank: Bank, client: Client) -> None:
    """Each id has one run, and its result is still there."""
    for account in bank.accounts:
        handle = client.get_workflow_handle_for(Ledger.run, account.workflow_id)
        assert await handle.result() == 2 * sum(account.amounts)
        description = await handle.describe()
        assert description.run_id == account.run_id, "a second run under one id"


async def histories(bank: Bank, client: Client) -> AsyncIterator[WorkflowHistory]:
    for account in bank.accounts:
        history = await client.get_workflow_handle(account.workflow_id, run_id=account.run_id).fetch_history()
        check_history(account, history)
        yield history


async def replay(bank: Bank, client: Client) -> int:
    replayer = Replayer(workflows=[Ledger])
    results = await replayer.replay_workflows(histories(bank, client), raise_on_replay_failure=True)
    assert not results.replay_failures
    return len(bank.accounts)


async def wait_until_visibility_agrees(bank: Bank, client: Client) -> None:
    query = "WorkflowType = 'Ledger' AND ExecutionStatus = 'Completed'"
    async with asyncio.timeout(10):
        while (await client.count_workflows(query)).count != len(bank.accounts):
            pass
    assert (await client.count_workflows("WorkflowType = 'Ledger'")).count == len(bank.accounts)


async def run_load(bank: Bank) -> None:
    await bank.boot()
    client = await Client.connect(f"127.0.0.1:{bank.port}")
    async with Worker(client, task_queue=QUEUE, workflows=[Ledger], activities=[book]):
        async with asyncio.TaskGroup() as everybody:
            everybody.create_task(kill_at_random_moments(bank))
            for _ in range(CUSTOMERS):
                everybody.create_task(customer(bank, client))
        await check_accounts(bank, client)
    await wait_until_visibility_agrees(bank, client)
    assert await replay(bank, client) == len(bank.accounts)


async def main(directory: Path) -> dict[str, object]:
    seed = int(os.environ.get("WFCTL_TEST_SEED") or time.time_ns() % 1_000_000)
    print(f"WFCTL_TEST_SEED={seed}", file=sys.stderr, flush=True)
    bank = Bank(directory, free_port(), random.Random(seed))
    try:
        await run_load(bank)
    finally:
        if bank.server is not None:
            bank.server.stop()
    with closing(sqlite3.connect(bank.database)) as database:
        integrity = database.execute("PRAGMA integrity_check").fetchall()
    return {
        "seed": seed,
        "kills": bank.kills,
        "workflows": len(bank.accounts),
        "starts": bank.acknowledged["start"],
        "signals": bank.acknowledged.total() - bank.acknowledged["start"],
        "requests_interrupted": bank.interrupted,
        "open_workflows_at_kills": bank.open_at_kills,
        "integrity": integrity,
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(Path(sys.argv[1])))))
    # The SDK's native threads may outlive the interpreter's end and abort the process: what counts was said.
    sys.stdout.flush()
    os._exit(0)
