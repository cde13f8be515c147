"""Parents and children, across crashes, resets and runs that follow one another."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload, Payloads, Priority, RetryPolicy, WorkflowExecution
from temporalio.api.enums.v1 import (
    ParentClosePolicy,
    StartChildWorkflowExecutionFailedCause,
    WorkflowIdReusePolicy,
)
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.workflowservice.v1 import (
    RegisterNamespaceRequest,
    ResetWorkflowExecutionRequest,
    TerminateWorkflowExecutionRequest,
)

from tests.support.acting import COMPLETE, CONTINUE, Actor, attributes, command, start_child, until
from tests.support.inprocess import InProcess, in_process
from wfctl.devserver.core import effects
from wfctl.devserver.settings import Settings

Policy = ParentClosePolicy
TERMINATE = Policy.PARENT_CLOSE_POLICY_TERMINATE
ABANDON = Policy.PARENT_CLOSE_POLICY_ABANDON
REQUEST_CANCEL = Policy.PARENT_CLOSE_POLICY_REQUEST_CANCEL


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[InProcess]:
    async with in_process(db_path=tmp_path / "dev.db") as running:
        yield running


@pytest.fixture
def actor(world: InProcess) -> Actor:
    return Actor(world.workflows)


async def terminate(actor: Actor, workflow_id: str) -> None:
    await actor.workflows.TerminateWorkflowExecution(
        TerminateWorkflowExecutionRequest(
            namespace=actor.namespace, workflow_execution=WorkflowExecution(workflow_id=workflow_id)
        )
    )


async def pending_rows(world: InProcess) -> int:
    """Closed runs that boot would look at again."""
    sql = "SELECT count(*) FROM executions WHERE status != 1 AND pending = 1"
    return int(await world.server.database.read(lambda raw: raw.execute(sql).fetchone()[0]))


def fail() -> Any:
    failure = Failure(message="no", application_failure_info=ApplicationFailureInfo(type="E"))
    return command("FAIL_WORKFLOW_EXECUTION", failure=failure)


# -- starting -------------------------------------------------------------------------------------------------------


async def test_a_child_knows_its_parent_and_the_root_of_its_family(actor: Actor) -> None:
    parent = await actor.start("parent")
    await actor.step(start_child("child"))
    await actor.step(start_child("grandchild", "grandchildren"), queue="children")
    child_run_id = await actor.run_id("child")
    event = await actor.wait_for_event("grandchild", "WORKFLOW_EXECUTION_STARTED")
    started = attributes(event)
    assert started.parent_workflow_execution == WorkflowExecution(workflow_id="child", run_id=child_run_id)
    assert started.root_workflow_execution == WorkflowExecution(workflow_id="parent", run_id=parent.run_id)
    assert started.parent_initiated_event_id == 5


async def test_a_child_inherits_what_its_priority_leaves_open(actor: Actor) -> None:
    await actor.start("parent", priority=Priority(priority_key=2, fairness_key="family"))
    await actor.step(start_child("child", priority=Priority(fairness_key="own")))
    started = attributes(await actor.wait_for_event("child", "WORKFLOW_EXECUTION_STARTED"))
    assert started.priority == Priority(priority_key=2, fairness_key="own")


async def test_a_childs_start_is_known_by_its_parents_run_and_event(actor: Actor) -> None:
    parent = await actor.start("parent")
    await actor.step(start_child("child"))
    await actor.wait_for_event("parent", "CHILD_WORKFLOW_EXECUTION_STARTED")
    infos = (await actor.describe("child")).workflow_extended_info.request_id_infos
    assert list(infos) == [f"{parent.run_id}:5:0"]


async def test_a_taken_id_fails_the_start_and_leaves_its_owner_alone(actor: Actor) -> None:
    await actor.start("child", "elsewhere")
    await actor.start("parent")
    await actor.step(start_child("child"))
    failed = attributes(await actor.wait_for_event("parent", "START_CHILD_WORKFLOW_EXECUTION_FAILED"))
    already_exists = (
        StartChildWorkflowExecutionFailedCause.START_CHILD_WORKFLOW_EXECUTION_FAILED_CAUSE_WORKFLOW_ALREADY_EXISTS
    )
    assert failed.cause == already_exists
    assert await actor.event_types("child") == ["WORKFLOW_EXECUTION_STARTED", "WORKFLOW_TASK_SCHEDULED"]


async def test_the_reuse_policy_of_a_child_may_end_the_owner_of_its_id(actor: Actor) -> None:
    owner = await actor.start("child", "elsewhere")
    await actor.start("parent")
    policy = WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING
    await actor.step(start_child("child", workflow_id_reuse_policy=policy))
    await actor.wait_for_event("parent", "CHILD_WORKFLOW_EXECUTION_STARTED")
    assert (await actor.event_types("child", owner.run_id))[-1] == "WORKFLOW_EXECUTION_TERMINATED"


async def test_a_parent_cannot_be_its_own_child(actor: Actor) -> None:
    await actor.start("parent")
    policy = WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING
    await actor.step(start_child("parent", workflow_id_reuse_policy=policy))
    await actor.wait_for_event("parent", "START_CHILD_WORKFLOW_EXECUTION_FAILED")


@pytest.mark.parametrize("policy", [TERMINATE, ABANDON])
async def test_a_parent_that_closes_in_the_same_task_starts_no_child(actor: Actor, policy: Any) -> None:
    await actor.start("parent")
    await actor.step(start_child("child", parent_close_policy=policy), COMPLETE)
    # Whatever was asked before is done before what is asked now.
    await actor.start("other")
    await actor.step(start_child("other-child"))
    await actor.wait_for_event("other", "CHILD_WORKFLOW_EXECUTION_STARTED")
    await actor.start("child", "elsewhere")
    assert await actor.event_types("child") == ["WORKFLOW_EXECUTION_STARTED", "WORKFLOW_TASK_SCHEDULED"]


async def test_a_child_in_another_namespace_needs_the_servers_leave(tmp_path: Path) -> None:
    settings = Settings(cross_namespace_commands=True)
    async with in_process(db_path=tmp_path / "dev.db", settings=settings) as world:
        actor, there = Actor(world.workflows), Actor(world.workflows, "there")
        retention = RegisterNamespaceRequest(namespace="there")
        retention.workflow_execution_retention_period.FromSeconds(86400)
        await world.workflows.RegisterNamespace(retention)
        await actor.start("parent")
        await actor.step(start_child("child", namespace="there"))
        started = attributes(await there.wait_for_event("child", "WORKFLOW_EXECUTION_STARTED"))
        assert started.parent_workflow_namespace == "default"
        await there.step(COMPLETE, queue="children")
        ended = attributes(await actor.wait_for_event("parent", "CHILD_WORKFLOW_EXECUTION_COMPLETED"))
        assert ended.namespace == "there"


# -- telling the parent ---------------------------------------------------------------------------------------------


async def test_a_parent_hears_only_of_the_last_run_of_a_child(actor: Actor) -> None:
    await actor.start("parent")
    policy = RetryPolicy(maximum_attempts=2)
    policy.initial_interval.FromMilliseconds(1)
    await actor.step(start_child("child", retry_policy=policy))
    first_run_id = await until(lambda: _run_id_or_none(actor, "child"))
    await actor.step(fail(), queue="children")
    await actor.step(command("COMPLETE_WORKFLOW_EXECUTION", result=_payloads("done")), queue="children")
    ended = attributes(await actor.wait_for_event("parent", "CHILD_WORKFLOW_EXECUTION_COMPLETED"))
    assert ended.result == _payloads("done")
    assert ended.workflow_execution.run_id == await actor.run_id("child") != first_run_id
    told = [name for name in await actor.event_types("parent") if name.startswith("CHILD_")]
    assert told == ["CHILD_WORKFLOW_EXECUTION_STARTED", "CHILD_WORKFLOW_EXECUTION_COMPLETED"]


async def _run_id_or_none(actor: Actor, workflow_id: str) -> str:
    await actor.wait_for_event("parent", "CHILD_WORKFLOW_EXECUTION_STARTED")
    return await actor.run_id(workflow_id)


def _payloads(text: str) -> Payloads:
    return Payloads(payloads=[Payload(data=text.encode())])


async def test_word_of_a_child_waits_while_the_parents_task_is_in_work(actor: Actor) -> None:
    await actor.start("parent")
    answer = await actor.complete(
        await actor.poll(), start_child("child"), force_create_new_workflow_task=True, return_new_workflow_task=True
    )
    await actor.step(COMPLETE, queue="children")
    runs = await actor.event_types("parent")
    assert "CHILD_WORKFLOW_EXECUTION_STARTED" not in runs
    await actor.complete(answer.workflow_task)
    ended = await actor.wait_for_event("parent", "CHILD_WORKFLOW_EXECUTION_COMPLETED")
    started = await actor.wait_for_event("parent", "CHILD_WORKFLOW_EXECUTION_STARTED")
    assert attributes(ended).started_event_id == started.event_id == ended.event_id - 1


async def test_a_child_reports_to_the_run_that_replaced_its_parent(actor: Actor) -> None:
    parent = await actor.start("parent")
    await actor.step(start_child("child"))
    await actor.step()
    await actor.workflows.ResetWorkflowExecution(
        ResetWorkflowExecutionRequest(
            namespace="default",
            workflow_execution=WorkflowExecution(workflow_id="parent"),
            workflow_task_finish_event_id=9,
            request_id="reset",
            reason="again",
        )
    )
    await actor.step(COMPLETE, queue="children")
    await actor.wait_for_event("parent", "CHILD_WORKFLOW_EXECUTION_COMPLETED")
    assert await actor.run_id("parent") != parent.run_id
    assert (await actor.event_types("parent", parent.run_id))[-1] == "WORKFLOW_EXECUTION_TERMINATED"


# -- closing children -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [COMPLETE, CONTINUE, fail()], ids=["completed", "continued", "failed"])
async def test_a_closed_parent_closes_its_children_by_their_policies(actor: Actor, end: Any) -> None:
    parent = await actor.start("parent")
    await actor.step(
        start_child("terminated", "a", parent_close_policy=TERMINATE),
        start_child("cancelled", "b", parent_close_policy=REQUEST_CANCEL),
        start_child("abandoned", "c", parent_close_policy=ABANDON),
    )
    for _ in range(3):
        await actor.wait_for_event("abandoned", "WORKFLOW_EXECUTION_STARTED")
    await actor.step(end)
    closed = attributes(await actor.wait_for_event("terminated", "WORKFLOW_EXECUTION_TERMINATED"))
    assert (closed.reason, closed.identity) == ("by parent close policy", "history-service")
    asked = attributes(await actor.wait_for_event("cancelled", "WORKFLOW_EXECUTION_CANCEL_REQUESTED"))
    assert asked.external_workflow_execution == WorkflowExecution(workflow_id="parent", run_id=parent.run_id)
    assert await actor.event_types("abandoned") == ["WORKFLOW_EXECUTION_STARTED", "WORKFLOW_TASK_SCHEDULED"]


async def test_a_close_policy_reaches_the_childs_present_run(actor: Actor) -> None:
    await actor.start("parent")
    await actor.step(start_child("child"))
    await actor.step(CONTINUE, queue="children")
    await terminate(actor, "parent")
    event = await actor.wait_for_event("child", "WORKFLOW_EXECUTION_TERMINATED")
    assert attributes((await actor.history("child"))[0]).continued_execution_run_id
    assert attributes(event).reason == "by parent close policy"


async def test_a_close_policy_spares_a_stranger_that_took_the_childs_id(actor: Actor) -> None:
    await actor.start("parent")
    await actor.step(start_child("child", parent_close_policy=TERMINATE))
    await actor.step(COMPLETE, queue="children")
    ended = await actor.poll()  # the parent hears of the end, and does not answer yet
    await actor.start("child", "elsewhere")
    await actor.complete(ended, COMPLETE)
    await actor.start("last")
    await actor.step(start_child("last-child"))
    await actor.wait_for_event("last", "CHILD_WORKFLOW_EXECUTION_STARTED")
    assert await actor.event_types("child") == ["WORKFLOW_EXECUTION_STARTED", "WORKFLOW_TASK_SCHEDULED"]


# -- crashes --------------------------------------------------------------------------------------------------------


async def test_a_child_whose_start_was_lost_is_started_at_the_next_boot(tmp_path: Path) -> None:
    path = tmp_path / "dev.db"
    async with in_process(db_path=path) as world:
        del world.server.backend.runs.handlers[effects.StartChild]
        actor = Actor(world.workflows)
        await actor.start("parent")
        await actor.step(start_child("child"))
    async with in_process(db_path=path) as world:
        actor = Actor(world.workflows)
        await actor.wait_for_event("parent", "CHILD_WORKFLOW_EXECUTION_STARTED")
        await actor.step(COMPLETE, queue="children")
        await actor.wait_for_event("parent", "CHILD_WORKFLOW_EXECUTION_COMPLETED")


async def test_last_words_that_were_lost_are_said_at_the_next_boot_and_only_once(tmp_path: Path) -> None:
    path = tmp_path / "dev.db"
    async with in_process(db_path=path) as world:
        actor = Actor(world.workflows)
        await actor.start("parent")
        await actor.step(start_child("child"))
        await actor.wait_for_event("parent", "CHILD_WORKFLOW_EXECUTION_STARTED")
        await actor.step(start_child("grandchild", "grandchildren"), queue="children")
        await actor.wait_for_event("child", "CHILD_WORKFLOW_EXECUTION_STARTED")
        del world.server.backend.runs.handlers[effects.LastWords]
        await actor.step(COMPLETE, queue="children")
        assert await pending_rows(world) == 1
    for _ in range(2):
        async with in_process(db_path=path) as world:
            actor = Actor(world.workflows)
            await actor.wait_for_event("parent", "CHILD_WORKFLOW_EXECUTION_COMPLETED")
            await actor.wait_for_event("grandchild", "WORKFLOW_EXECUTION_TERMINATED")
            assert (await actor.event_types("parent")).count("CHILD_WORKFLOW_EXECUTION_COMPLETED") == 1

            async def settled(world: InProcess = world) -> bool:
                return await pending_rows(world) == 0

            await until(settled)


async def test_last_words_said_twice_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "dev.db"
    async with in_process(db_path=path) as world:
        actor = Actor(world.workflows)
        await actor.start("parent")
        await actor.step(start_child("child"))
        await actor.step(COMPLETE, queue="children")
        await actor.wait_for_event("parent", "CHILD_WORKFLOW_EXECUTION_COMPLETED")
        before = await actor.event_types("parent")

        async def settled() -> bool:
            return await pending_rows(world) == 0

        await until(settled)
        sql = "UPDATE executions SET pending = 1"
        await world.server.database.writer.run(lambda raw: raw.execute(sql).rowcount)
    async with in_process(db_path=path) as world:
        actor = Actor(world.workflows)

        async def said_again() -> bool:
            return await pending_rows(world) == 0

        await until(said_again)
        assert await actor.event_types("parent") == before


async def test_a_childs_start_that_a_full_disk_refused_is_made_up_for(world: InProcess, actor: Actor) -> None:
    runs, database = world.server.backend.runs, world.server.database
    start_handler = runs.handlers.pop(effects.StartChild)
    await actor.start("parent")
    await actor.step(start_child("child", input=Payloads(payloads=[Payload(data=b"x" * 200_000)])))
    parent = await runs.find(next(iter(runs.current))[0], "parent")
    pages = await database.writer.run(lambda raw: raw.execute("PRAGMA page_count").fetchone()[0])
    await database.writer.run(lambda raw: raw.execute(f"PRAGMA max_page_count = {pages}").fetchone())
    runs.handlers[effects.StartChild] = start_handler
    start_handler(parent, effects.StartChild(5))

    async def refused() -> bool:
        return parent.failed

    await until(refused)
    assert "CHILD_WORKFLOW_EXECUTION_STARTED" not in await actor.event_types("parent")
    await database.writer.run(lambda raw: raw.execute("PRAGMA max_page_count = 1000000").fetchone())
    await actor.wait_for_event("parent", "CHILD_WORKFLOW_EXECUTION_STARTED")
    await actor.step(COMPLETE, queue="children")
    await actor.wait_for_event("parent", "CHILD_WORKFLOW_EXECUTION_COMPLETED")
