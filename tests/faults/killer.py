"""`kill -9` under load, as a program of its own: `python -m tests.faults.killer DIRECTORY`.

A real worker and a dozen customers run against a server on a file: they start workflows, send signals, wait for updates.
Each server dies in one of these ways and is started again on the same port and file: killed from outside at a random
moment, sometimes while it still boots; or by itself at a commit's boundary, where a failpoint kills it. Some are stopped
(SIGSTOP) for a while before. Requests that fail are sent again with the same request id. Between two servers the file is
checked as `wfctl db check` does; at the end every history is checked and replayed, and a JSON report says how much
was done. `WFCTL_TEST_SEED` repeats a run's choices, `WFCTL_TEST_KILLS` sets how many die.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from google.protobuf.duration_pb2 import Duration
from temporalio.api.common.v1 import Payloads, WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import EventType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import SignalWorkflowExecutionRequest, StartWorkflowExecutionRequest
from temporalio.client import Client, WorkflowHistory, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.converter import default as default_converter
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Replayer, Worker

from tests.faults.form import FULL
from tests.faults.ledger import Ledger, Receipt, book
from tests.support.server import Server, free_port, spawn_server
from wfctl.devserver.storage.checkup import Checked, examine
from wfctl.devserver.storage.failpoints import POINTS, VARIABLE
from wfctl.devserver.storage.file_check import CannotOpen
from wfctl.devserver.storage.inspection import open_to_look

KILLS = int(os.environ.get("WFCTL_TEST_KILLS") or (200 if FULL else 12))
CUSTOMERS = 12
DEPOSITS = 4
LEAST_WORKFLOWS = 40
# A task that was handed out and lost with the server comes back after this long.
TASK_TIMEOUT = timedelta(seconds=2)
LONGEST_THOUGHT_SECONDS = 0.03
# A server that should die at a boundary gets this long to reach it.
FAILPOINT_SECONDS = 20.0
LATEST_COMMIT = 40
RETRY_SECONDS = 0.02
# A check of the whole file costs about a millisecond a run.
RUNS_CHECKED_AT_EACH_DEATH = 600
QUEUE = "ledgers"
RETRYABLE = {
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.CANCELLED,
    RPCStatusCode.UNKNOWN,
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.INTERNAL,
    # An update of a run whose workflow task was lost with its server several times in a row.
    RPCStatusCode.FAILED_PRECONDITION,
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
    thoughts: random.Random  # the customers'; the killer's choices must not depend on who asks first
    accounts: list[Account] = field(default_factory=list)
    acknowledged: Counter[str] = field(default_factory=Counter)
    interrupted: int = 0
    kills: int = 0
    open_at_kills: list[int] = field(default_factory=list)
    closed: int = 0
    server: Server | None = None
    up: asyncio.Event = field(default_factory=asyncio.Event)
    amounts: Callable[[], int] = field(default_factory=lambda: itertools.count(1).__next__)
    failpoint: str = ""  # at which the present server will die by itself
    deaths: Counter[str] = field(default_factory=Counter)
    pauses: int = 0
    began: float = field(default_factory=time.monotonic)
    checks: int = 0
    runs_checked: int = 0

    @property
    def database(self) -> Path:
        return self.directory / "dev.db"

    def spawn(self) -> Server:
        """The next server; which way it will die is decided now."""
        self.failpoint = self._next_failpoint()
        environment = {}
        if self.failpoint:
            environment[VARIABLE] = f"{self.failpoint}:{self.dice.randint(1, LATEST_COMMIT)}:kill"
        durability = self.dice.choice(["full", "normal"])
        options = ["--db-filename", str(self.database), "--durability", durability]
        return spawn_server(self.directory, port=self.port, options=options, environment=environment)

    def _next_failpoint(self) -> str:
        """Six times of ten, and whenever the kills that are left are needed for it: the boundary met least so far."""
        by_chance, left = self.dice.random() < 0.6, KILLS - self.kills
        unmet = [point for point in POINTS if not self.deaths[point]]
        if left <= 0 or not (by_chance or left <= len(unmet)):
            return ""
        return min(POINTS, key=lambda point: self.deaths[point])

    async def boot(self) -> None:
        while True:
            self.server = self.spawn()
            try:
                await asyncio.to_thread(self.server.wait_until_ready)
            except RuntimeError:
                if not self.failpoint or self.server.process.poll() != -signal.SIGKILL:
                    raise
                await self.note_death(self.failpoint)  # the load was quicker than our look
                continue
            self.up.set()
            return

    async def note_death(self, way: str) -> None:
        self.kills += 1
        self.deaths[way] += 1
        print(
            f"{time.monotonic() - self.began:6.1f} s  death {self.kills} of {KILLS}: {way}", file=sys.stderr, flush=True
        )
        self.open_at_kills.append(len(self.accounts) - self.closed)
        if self.runs_checked < RUNS_CHECKED_AT_EACH_DEATH or self.kills % 10 == 0:
            await asyncio.to_thread(self.check_file)

    def check_file(self) -> None:
        """What a dead server left is whole as it lies, before any server heals it."""
        checked = Checked()
        try:
            with open_to_look(self.database) as connection:
                problems = list(examine(connection, checked, lambda done, total: None))
        except CannotOpen:
            if self.accounts:
                raise
            return  # killed while it made the file
        assert not problems, problems
        self.checks += 1
        self.runs_checked = checked.runs

    async def live_and_die(self) -> None:
        """One server's life, from its first answer to its death, and the next one's start."""
        assert self.server is not None
        server, process, way = self.server, self.server.process, self.failpoint or "random"
        if not self.failpoint:
            await asyncio.sleep(self.dice.uniform(0.1, 1.2))
        if self.dice.random() < 0.2 and process.poll() is None:
            process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(self.dice.uniform(0.1, 2.5))
            process.send_signal(signal.SIGCONT)
            self.pauses += 1
        if self.failpoint:
            try:
                await asyncio.to_thread(process.wait, FAILPOINT_SECONDS)
            except subprocess.TimeoutExpired:
                way = "random"
        self.up.clear()
        server.kill()
        await self.note_death(way)
        while self.kills < KILLS and self.dice.random() < 0.15:
            booting = self.spawn()
            await asyncio.sleep(self.dice.uniform(0, 0.5))
            booting.kill()
            await self.note_death("booting")
        await self.boot()


async def kill_again_and_again(bank: Bank) -> None:
    """The moments are the point of the test: these pauses are no waits."""
    while bank.kills < KILLS:
        await bank.live_and_die()
    assert not bank.failpoint, "the last server stays"


async def insist(bank: Bank, request: Callable[[], Awaitable[Answer]]) -> Answer:
    """Send until the server answers; a server that went away in between is no answer."""
    while True:
        await bank.up.wait()
        try:
            return await request()
        except RPCError as error:
            if error.status not in RETRYABLE:
                raise
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise  # not the server's doing: the test is over
        bank.interrupted += 1
        await asyncio.sleep(RETRY_SECONDS)


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
            await asyncio.sleep(bank.thoughts.uniform(0, LONGEST_THOUGHT_SECONDS))
            await deposit(bank, client, account)
        ledger = client.get_workflow_handle(account.workflow_id, result_type=int)
        audit = str(uuid.uuid4())
        assert await insist(bank, lambda: ledger.execute_update(Ledger.audit, id=audit)) == 1  # noqa: B023
        bank.acknowledged["update"] += 1
        assert await insist(bank, ledger.result) == 2 * sum(account.amounts)
        bank.closed += 1


def check_history(account: Account, history: WorkflowHistory) -> None:
    events = history.events
    assert [event.event_id for event in events] == list(range(1, len(events) + 1))
    kinds = Counter(EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in events)
    for once in (
        "WORKFLOW_EXECUTION_STARTED",
        "WORKFLOW_EXECUTION_COMPLETED",
        "WORKFLOW_EXECUTION_UPDATE_ACCEPTED",
        "WORKFLOW_EXECUTION_UPDATE_COMPLETED",
        "TIMER_FIRED",
        "CHILD_WORKFLOW_EXECUTION_STARTED",
        "CHILD_WORKFLOW_EXECUTION_COMPLETED",
    ):
        assert kinds[once] == 1, (once, kinds)
    assert events[-1].event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, "something follows the end"
    received = [
        int(event.workflow_execution_signaled_event_attributes.input.payloads[0].data)
        for event in events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
        and event.workflow_execution_signaled_event_attributes.signal_name == "deposit"
    ]
    assert received == account.amounts, "each signal once, in the order of its acknowledgement"
    completed = Counter(
        event.activity_task_completed_event_attributes.scheduled_event_id
        for event in events
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED
    )
    assert len(completed) == DEPOSITS
    assert set(completed.values()) == {1}, "a completion was applied twice"


async def check_accounts(bank: Bank, client: Client) -> None:
    """Each id has one run, and its result is still there."""
    for account in bank.accounts:
        handle = client.get_workflow_handle(account.workflow_id, result_type=int)
        assert await handle.result() == 2 * sum(account.amounts)
        description = await handle.describe()
        assert description.run_id == account.run_id, "a second run under one id"


async def histories(bank: Bank, client: Client) -> AsyncIterator[WorkflowHistory]:
    for account in bank.accounts:
        history = await client.get_workflow_handle(account.workflow_id, run_id=account.run_id).fetch_history()
        check_history(account, history)
        yield history


async def replay(bank: Bank, client: Client) -> int:
    replayer = Replayer(workflows=[Ledger, Receipt])
    results = await replayer.replay_workflows(histories(bank, client), raise_on_replay_failure=True)
    assert not results.replay_failures
    return len(bank.accounts)


async def wait_until_visibility_agrees(bank: Bank, client: Client) -> None:
    query = "WorkflowType = 'Ledger' AND ExecutionStatus = 'Completed'"
    async with asyncio.timeout(10):
        while (await client.count_workflows(query)).count != len(bank.accounts):
            pass
    for kind in ("Ledger", "Receipt"):
        assert (await client.count_workflows(f"WorkflowType = '{kind}'")).count == len(bank.accounts), kind


async def run_load(bank: Bank) -> None:
    await bank.boot()
    # A server that is away is what this is about: the SDK need not remark on it.
    quiet = Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(TelemetryFilter("ERROR", "ERROR"))))
    client = await Client.connect(f"127.0.0.1:{bank.port}", runtime=quiet)
    worker = Worker(client, task_queue=QUEUE, workflows=[Ledger, Receipt], activities=[book])
    # It is not shut down: that may take ten seconds after lost answers, and the process ends anyway.
    working = asyncio.create_task(worker.run())
    async with asyncio.TaskGroup() as everybody:
        everybody.create_task(kill_again_and_again(bank))
        for _ in range(CUSTOMERS):
            everybody.create_task(customer(bank, client))
    assert not working.done()
    await check_accounts(bank, client)
    await wait_until_visibility_agrees(bank, client)
    assert await replay(bank, client) == len(bank.accounts)


async def main(directory: Path) -> None:
    seed = int(os.environ.get("WFCTL_TEST_SEED") or time.time_ns() % 1_000_000)
    print(f"WFCTL_TEST_SEED={seed}", file=sys.stderr, flush=True)
    bank = Bank(directory, free_port(), random.Random(seed), random.Random(seed + 1))
    try:
        await run_load(bank)
    finally:
        if bank.server is not None:
            bank.server.stop()
    bank.check_file()
    report = {
        "seed": seed,
        "kills": bank.kills,
        "deaths": bank.deaths,
        "pauses": bank.pauses,
        "workflows": len(bank.accounts),
        "acknowledged": bank.acknowledged,
        "requests_interrupted": bank.interrupted,
        "open_workflows_at_kills": bank.open_at_kills,
        "checks": bank.checks,
        "runs_in_the_last_check": bank.runs_checked,
    }
    print(json.dumps(report), flush=True)
    # The SDK's native threads may outlive the interpreter's end and abort the process: what counts was said.
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
