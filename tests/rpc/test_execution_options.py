"""Options of running workflows: what can be set, and what is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.common.v1 import Priority
from temporalio.api.workflow.v1 import VersioningOverride, WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import UpdateWorkflowExecutionOptionsRequest

from tests.support.inprocess import InProcess, in_process, refused
from tests.support.steps import describe, event_names, history, named

INVALID = grpc.StatusCode.INVALID_ARGUMENT
Options = WorkflowExecutionOptions


@pytest.fixture
async def world() -> AsyncIterator[InProcess]:
    async with in_process() as running:
        await running.start("w")
        yield running


async def update(world: InProcess, options: Options, *paths: str) -> Options:
    request = UpdateWorkflowExecutionOptionsRequest(
        namespace="default",
        workflow_execution=named("w"),
        workflow_execution_options=options,
        update_mask=FieldMask(paths=paths),
        identity="client",
    )
    response: Any = await world.workflows.UpdateWorkflowExecutionOptions(request)
    merged: Options = response.workflow_execution_options
    return merged


def upgrade() -> Options:
    return Options(versioning_override=VersioningOverride(auto_upgrade=True))


def priority(**fields: Any) -> Options:
    return Options(priority=Priority(**fields))


async def test_an_override_is_shown_and_can_be_searched_for(world: InProcess) -> None:
    assert await update(world, upgrade(), "versioning_override") == upgrade()
    info = (await describe(world, "w")).workflow_execution_info
    assert info.versioning_info.versioning_override.auto_upgrade
    assert info.search_attributes.indexed_fields["TemporalWorkflowVersioningBehavior"].data == b'"AutoUpgrade"'
    assert await update(world, Options(), "versioning_override") == Options()
    info = (await describe(world, "w")).workflow_execution_info
    assert not info.HasField("versioning_info")
    assert "TemporalWorkflowVersioningBehavior" not in info.search_attributes.indexed_fields


async def test_a_change_is_one_event_and_no_change_is_none(world: InProcess) -> None:
    await update(world, priority(priority_key=2), "priority")
    await update(world, priority(priority_key=2), "priority")
    await update(world, Options())
    assert (await event_names(world, "w"))[2:] == ["WORKFLOW_EXECUTION_OPTIONS_UPDATED"]
    event = (await history(world, "w"))[-1]
    assert event.worker_may_ignore
    assert event.workflow_execution_options_updated_event_attributes.unset_versioning_override
    assert event.workflow_execution_options_updated_event_attributes.identity == "client"


async def test_a_priority_can_be_set_field_by_field(world: InProcess) -> None:
    await update(world, priority(priority_key=2), "priority")
    merged = await update(world, priority(fairness_key="f", priority_key=5), "priority.fairness_key")
    assert merged == priority(priority_key=2, fairness_key="f")


@pytest.mark.parametrize(
    ("options", "path", "message"),
    [
        (Options(), "nope", 'invalid path "nope" for message "temporal.api.workflow.v1.WorkflowExecutionOptions"'),
        (priority(priority_key=-1), "priority", "priority key can't be negative"),
        (priority(fairness_key="f" * 65), "priority", "fairness key length exceeds limit"),
        (priority(fairness_weight=-1), "priority", "must be greater than zero"),
        (upgrade(), "versioning_override.behavior", "versioning_override fields must be updated together"),
        (upgrade(), "versioning_override.pinned", "versioning_override doesn't support partial updates"),
        (Options(versioning_override=VersioningOverride()), "versioning_override", "override behavior is required"),
    ],
)
async def test_bad_options_change_nothing(world: InProcess, options: Options, path: str, message: str) -> None:
    with refused(INVALID, message):
        await update(world, options, path)
    assert len(await history(world, "w")) == 2


async def test_nothing_can_be_pinned_to_a_version_that_nobody_runs(world: InProcess) -> None:
    override = VersioningOverride()
    override.pinned.behavior = VersioningOverride.PINNED_OVERRIDE_BEHAVIOR_PINNED
    override.pinned.version.deployment_name, override.pinned.version.build_id = "d", "b"
    with refused(grpc.StatusCode.FAILED_PRECONDITION, "Pinned version 'd:b' is not present in task queue 'queue'"):
        await update(world, Options(versioning_override=override), "versioning_override")


async def test_a_closed_workflow_has_no_options_to_change(world: InProcess) -> None:
    await world.terminate("w")
    with refused(grpc.StatusCode.NOT_FOUND, "workflow execution already completed"):
        await update(world, upgrade(), "versioning_override")
