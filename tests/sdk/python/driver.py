"""Runs every scenario with a real Python worker: `python -m tests.sdk.python.driver --address HOST:PORT`.

Prints one JSON line a scenario: {"scenario", "ok", "result" | "error"}; exits 1 when one failed.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import logging
import os
import sys
import traceback
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from google.protobuf.duration_pb2 import Duration
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateStage,
)
from temporalio.common import RetryPolicy, WorkflowIDConflictPolicy
from temporalio.converter import DataConverter, PayloadCodec
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer, Worker

from tests.sdk.python import activities, workflows

SECONDS_PER_SCENARIO = 30


class Run:
    """What a scenario needs: a client, a task queue that a worker polls, ids nobody used before."""

    def __init__(self, client: Client, task_queue: str) -> None:
        self.client = client
        self.task_queue = task_queue
        self.handles: list[WorkflowHandle[Any, Any]] = []

    def new_id(self, name: str) -> str:
        return f"{name}-{uuid.uuid4()}"

    async def start(self, workflow: Any, *args: Any, workflow_id: str = "", **options: Any) -> WorkflowHandle[Any, Any]:
        handle: WorkflowHandle[Any, Any] = await self.client.start_workflow(
            workflow,
            args=args,
            id=workflow_id or self.new_id(str(getattr(workflow, "__qualname__", workflow))),
            task_queue=self.task_queue,
            **options,
        )
        self.handles.append(handle)
        return handle


def worker(client: Client, task_queue: str, **options: Any) -> Worker:
    return Worker(client, task_queue=task_queue, workflows=workflows.ALL, activities=activities.ALL, **options)


def equal(actual: object, expected: object) -> None:
    if actual != expected:
        raise AssertionError(f"expected {expected!r}, got {actual!r}")


async def event_types(handle: WorkflowHandle[Any, Any]) -> list[str]:
    history = await handle.fetch_history()
    ids = [event.event_id for event in history.events]
    equal(ids, list(range(1, len(ids) + 1)))
    return [EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in history.events]


async def order_saga_ships(run: Run) -> Any:
    """The happy path; `slow` makes shipping succeed on its third attempt."""
    order = run.new_id("order")
    handle = await run.start(workflows.OrderSaga.run, order, "slow", workflow_id=order)
    equal(await handle.result(), [f"reserved {order}", f"charged {order}", f"shipped {order}"])
    equal(activities.TRACE[order], ["reserve", "charge", "ship", "ship", "ship"])
    return activities.TRACE[order]


async def order_saga_compensates(run: Run) -> Any:
    order = run.new_id("order")
    handle = await run.start(workflows.OrderSaga.run, order, "broken", workflow_id=order)
    try:
        await handle.result()
    except WorkflowFailureError as failure:
        cause = failure.cause
        if not isinstance(cause, ApplicationError):
            raise
        equal(cause.type, "OrderCancelled")
        equal(cause.details[0][-2:], [f"refunded {order}", f"released {order}"])
        inner = cause.__cause__
        equal(type(inner).__name__, "ActivityError")
    else:
        raise AssertionError("the saga did not fail")
    equal(activities.TRACE[order], ["reserve", "charge", "ship", "refund", "release"])
    return activities.TRACE[order]


async def approval_by_signal(run: Run) -> Any:
    handle = await run.start(workflows.Approval.run, 60.0)
    equal(await handle.query(workflows.Approval.status), "waiting")
    await handle.signal(workflows.Approval.decide, args=["approved", "ada"])
    equal(await handle.query(workflows.Approval.status), "approved")
    equal(await handle.result(), "approved by ada")
    equal(await handle.query(workflows.Approval.status), "approved")
    types = await event_types(handle)
    equal("TIMER_CANCELED" in types, True)
    return types


async def approval_times_out(run: Run) -> Any:
    handle = await run.start(workflows.Approval.run, 0.2)
    equal(await handle.result(), "timed out")
    types = await event_types(handle)
    equal(types.count("TIMER_FIRED"), 1)
    return types


async def child_workflows(run: Run) -> Any:
    handle = await run.start(workflows.Parent.run, [1, 2, -3, 4])
    result = await handle.result()
    equal(result, {"sum": 21, "failed": 1})
    types = await event_types(handle)
    equal(types.count("CHILD_WORKFLOW_EXECUTION_COMPLETED"), 3)
    equal(types.count("CHILD_WORKFLOW_EXECUTION_FAILED"), 1)
    return result


async def fan_out(run: Run) -> Any:
    handle = await run.start(workflows.FanOut.run, 60)
    equal(await handle.result(), sum(n * n for n in range(60)))
    types = await event_types(handle)
    equal(types.count("ACTIVITY_TASK_COMPLETED"), 60)
    return len(types)


async def heartbeat_resume(run: Run) -> Any:
    handle = await run.start(workflows.HeartbeatResume.run, 10)
    result = await handle.result()
    equal(result, {"attempt": 2, "resumed_at": 5, "rows": 10})
    return result


async def update_validated(run: Run) -> Any:
    """A rejected update leaves nothing; accepted ones complete, once for an id."""
    handle = await run.start(workflows.Counter.run)
    try:
        await handle.execute_update(workflows.Counter.add, -1)
    except WorkflowUpdateFailedError as rejected:
        if not isinstance(rejected.cause, ApplicationError):
            raise
        equal(rejected.cause.type, "BadAmount")
    else:
        raise AssertionError("the validator did not reject")
    equal(await handle.execute_update(workflows.Counter.add, 2), 4)
    accepted = await handle.start_update(
        workflows.Counter.add, 3, id="three", wait_for_stage=WorkflowUpdateStage.ACCEPTED
    )
    equal(await accepted.result(), 13)
    equal(await handle.execute_update(workflows.Counter.add, 3, id="three"), 13)
    equal(await handle.query(workflows.Counter.current), 13)
    await handle.signal(workflows.Counter.close)
    equal(await handle.result(), 13)
    types = await event_types(handle)
    equal(types.count("WORKFLOW_EXECUTION_UPDATE_ACCEPTED"), 2)
    equal(types.count("WORKFLOW_EXECUTION_UPDATE_COMPLETED"), 2)
    return types


async def update_with_start(run: Run) -> Any:
    workflow_id = run.new_id("counter")
    results = []
    for _ in range(2):
        start = WithStartWorkflowOperation(
            workflows.Counter.run,
            id=workflow_id,
            task_queue=run.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )
        results.append(
            await run.client.execute_update_with_start_workflow(
                workflows.Counter.add, 1, start_workflow_operation=start
            )
        )
    handle = run.client.get_workflow_handle(workflow_id)
    await handle.signal("close")
    equal(results, [1, 2])
    equal(await handle.result(), 2)
    return results


async def continue_as_new_chain(run: Run) -> Any:
    handle = await run.start(workflows.Chain.run, 3, 0)
    equal(await handle.result(), 9 + 4 + 1)
    first = await event_types(run.client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id))
    equal(first[-1], "WORKFLOW_EXECUTION_CONTINUED_AS_NEW")
    latest = await run.client.get_workflow_handle(handle.id).fetch_history()
    started = latest.events[0].workflow_execution_started_event_attributes
    equal(started.first_execution_run_id, handle.first_execution_run_id)
    return first


async def cancel_reaches_the_activity(run: Run) -> Any:
    handle = await run.start(workflows.Cancellable.run)
    while not (await handle.describe()).raw_description.pending_activities:
        pass
    await handle.cancel()
    result = await handle.result()
    equal(result, "cleaned up")
    return result


async def terminate_and_unknown_run(run: Run) -> Any:
    handle = await run.start(workflows.Approval.run, 60.0)
    await handle.terminate("no longer needed")
    try:
        await handle.result()
    except WorkflowFailureError as failure:
        equal(type(failure.cause).__name__, "TerminatedError")
        equal(isinstance(failure.cause, CancelledError), False)
    try:
        await run.client.get_workflow_handle(run.new_id("nobody")).describe()
    except RPCError as error:
        equal(error.status, RPCStatusCode.NOT_FOUND)
    else:
        raise AssertionError("an unknown workflow was described")
    return "terminated"


async def local_activity_and_patch(run: Run) -> Any:
    handle = await run.start(workflows.LocalAndPatched.run)
    result = await handle.result()
    equal(result, {"total": 5, "patched": True, "drawn": True})
    types = await event_types(handle)
    equal(types.count("MARKER_RECORDED"), 4)
    return types


async def loan_application(run: Run) -> Any:
    decisions = {}
    for applicant in ("ada", "declined", "impostor"):
        handle = await run.start(workflows.LoanApplication.run, applicant)
        decisions[applicant] = await handle.result()
    equal(
        decisions,
        {"ada": "approved", "declined": "declined: credit score below threshold", "impostor": "rejected: identity"},
    )
    return decisions


class Rot(PayloadCodec):
    """Stands for an encrypting codec: what the server stores is unreadable to it."""

    async def encode(self, payloads: Any) -> list[Payload]:
        return [
            Payload(metadata={"encoding": b"binary/rot"}, data=bytes(b ^ 0x5A for b in p.SerializeToString()))
            for p in payloads
        ]

    async def decode(self, payloads: Any) -> list[Payload]:
        return [Payload.FromString(bytes(b ^ 0x5A for b in p.data)) for p in payloads]


async def encrypted_payloads(run: Run) -> Any:
    """Payload codec: data goes through the server as bytes it cannot read."""
    converter = dataclasses.replace(DataConverter.default, payload_codec=Rot())
    config = run.client.config()
    config["data_converter"] = converter
    client = Client(**config)
    queue = run.new_id("encrypted")
    async with worker(client, queue):
        result = await client.execute_workflow(
            workflows.LoanApplication.run, "ada", id=run.new_id("encrypted"), task_queue=queue
        )
    equal(result, "approved")
    return result


async def namespaces_isolate(run: Run) -> Any:
    """The same workflow id lives once in each namespace."""
    namespace = run.new_id("tenant")
    await run.client.workflow_service.register_namespace(
        RegisterNamespaceRequest(namespace=namespace, workflow_execution_retention_period=_duration(timedelta(days=3)))
    )
    config = run.client.service_client.config
    workflow_id = run.new_id("shared")
    here = await run.start(workflows.Approval.run, 60.0, workflow_id=workflow_id)
    there_client = await _connect_until_known(config.target_host, namespace)
    async with worker(there_client, run.task_queue):
        there = await there_client.start_workflow(
            workflows.Approval.run, 60.0, id=workflow_id, task_queue=run.task_queue
        )
        await there.signal(workflows.Approval.decide, args=["rejected", "bob"])
        equal(await there.result(), "rejected by bob")
    equal(await here.query(workflows.Approval.status), "waiting")
    await here.signal(workflows.Approval.decide, args=["approved", "ada"])
    equal(await here.result(), "approved by ada")
    return namespace


async def _connect_until_known(address: str, namespace: str) -> Client:
    """A namespace cache may need a moment to learn of a new namespace."""
    client = await Client.connect(address, namespace=namespace)
    while True:
        try:
            await client.count_workflows()
            return client
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise


def _duration(value: timedelta) -> Any:
    message = Duration()
    message.FromTimedelta(value)
    return message


async def worker_restart_resumes(run: Run) -> Any:
    """The first worker stops while the workflow waits; the next one rebuilds it by replay."""
    queue = run.new_id("restart")
    async with worker(run.client, queue):
        handle = await run.client.start_workflow(
            workflows.Approval.run, 60.0, id=run.new_id("restart"), task_queue=queue
        )
        equal(await handle.query(workflows.Approval.status), "waiting")
    await handle.signal(workflows.Approval.decide, args=["approved", "while nobody looked"])
    async with worker(run.client, queue, max_cached_workflows=0):
        equal(await handle.result(), "approved by while nobody looked")
    return "resumed"


async def update_survives_a_worker_restart(run: Run) -> Any:
    """Accepted by a worker that goes away, completed by the next one; the caller waits all along."""
    queue = run.new_id("restart")
    released = run.new_id("gate")
    async with worker(run.client, queue):
        handle = await run.client.start_workflow(workflows.Gate.run, id=released, task_queue=queue)
        update = await handle.start_update(
            workflows.Gate.pass_through, "ada", wait_for_stage=WorkflowUpdateStage.ACCEPTED
        )
        waiting = asyncio.create_task(update.result())
    await handle.signal(workflows.Gate.open)
    async with worker(run.client, queue, max_cached_workflows=0):
        equal(await waiting, "ada went through")
        equal(await handle.result(), 1)
    return "completed"


async def activity_completed_from_outside(run: Run) -> Any:
    """By task token and by id, as a person or another system would."""
    for by_token in (True, False):
        workflow_id = run.new_id("outside")
        handle = await run.start(workflows.Outside.run, workflow_id, workflow_id=workflow_id)
        token = await asyncio.wait_for(activities.TOKENS.get(), 10)
        outside = (
            run.client.get_async_activity_handle(task_token=token)
            if by_token
            else run.client.get_async_activity_handle(workflow_id=workflow_id, run_id=None, activity_id="manual")
        )
        await outside.heartbeat("still here")
        await outside.complete(f"by token: {by_token}")
        equal(await handle.result(), f"by token: {by_token}")
    return "completed"


async def workflow_task_failure_is_retried(run: Run) -> Any:
    """A bug in workflow code is no failure of the workflow: fixed code takes it on."""
    workflows.Buggy.fixed = False
    handle = await run.start(workflows.Buggy.run)
    while True:
        types = await event_types(handle)
        if "WORKFLOW_TASK_FAILED" in types:
            break
    workflows.Buggy.fixed = True
    equal(await handle.result(), "fixed")
    return types


async def workflow_retries_and_external_signal(run: Run) -> Any:
    """A retry policy makes a second run, which signals another workflow."""
    target = await run.start(workflows.Approval.run, 60.0)
    policy = RetryPolicy(initial_interval=timedelta(milliseconds=100), maximum_attempts=3)
    handle = await run.start(workflows.SecondTimeLucky.run, target.id, retry_policy=policy)
    equal(await handle.result(), 2)
    equal(await target.result(), "approved by a workflow")
    return 2


async def histories_replay(run: Run) -> Any:
    """Last: everything that ran before replays without nondeterminism."""
    replayer = Replayer(workflows=workflows.ALL)
    for handle in run.handles:
        await replayer.replay_workflow(await handle.fetch_history())
    return len(run.handles)


SCENARIOS: list[Callable[[Run], Awaitable[Any]]] = [
    order_saga_ships,
    order_saga_compensates,
    approval_by_signal,
    approval_times_out,
    child_workflows,
    fan_out,
    heartbeat_resume,
    update_validated,
    continue_as_new_chain,
    update_with_start,
    cancel_reaches_the_activity,
    terminate_and_unknown_run,
    local_activity_and_patch,
    loan_application,
    encrypted_payloads,
    namespaces_isolate,
    worker_restart_resumes,
    update_survives_a_worker_restart,
    activity_completed_from_outside,
    workflow_task_failure_is_retried,
    workflow_retries_and_external_signal,
    histories_replay,
]


async def run_one(scenario: Callable[[Run], Awaitable[Any]], run: Run) -> bool:
    line: dict[str, Any] = {"scenario": scenario.__name__}
    try:
        line |= {"ok": True, "result": await asyncio.wait_for(scenario(run), SECONDS_PER_SCENARIO)}
    except Exception as error:
        line |= {"ok": False, "error": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()}
    print(json.dumps(line), flush=True)
    return bool(line["ok"])


async def run_all(client: Client, only: list[str] | None) -> bool:
    run = Run(client, f"python-{uuid.uuid4()}")
    passed = []
    async with worker(client, run.task_queue):
        for scenario in SCENARIOS:
            if not only or scenario.__name__ in only:
                passed.append(await run_one(scenario, run))
    return all(passed)


async def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--address", help="HOST:PORT of a running server")
    arguments.add_argument("--start-local", help="a server's executable for the SDK to start")
    arguments.add_argument("--only", nargs="*", help="scenario names")
    options = arguments.parse_args()
    logging.getLogger("temporalio").setLevel(logging.CRITICAL)  # the scenarios fail their activities on purpose
    if options.start_local:
        async with await WorkflowEnvironment.start_local(dev_server_existing_path=options.start_local) as environment:
            return 0 if await run_all(environment.client, options.only) else 1
    return 0 if await run_all(await Client.connect(options.address), options.only) else 1


if __name__ == "__main__":
    code = asyncio.run(main())
    # The SDK's native threads may outlive the interpreter's end and abort the process: what counts was said.
    sys.stdout.flush()
    os._exit(code)
