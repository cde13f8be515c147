"""Task queues over the wire: described, configured, with sets of build ids."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from temporalio.api.enums.v1 import DescribeTaskQueueMode, RateLimitSource, TaskQueueType
from temporalio.api.taskqueue.v1 import RateLimit, TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    DescribeTaskQueueResponse,
    GetWorkerBuildIdCompatibilityRequest,
    UpdateTaskQueueConfigRequest,
    UpdateWorkerBuildIdCompatibilityRequest,
)

from tests.support.inprocess import InProcess, in_process, refused

ACTIVITY = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
INVALID_ARGUMENT = grpc.StatusCode.INVALID_ARGUMENT


@pytest.fixture
async def world() -> AsyncIterator[InProcess]:
    async with in_process() as world:
        yield world


async def described(world: InProcess, **fields: Any) -> DescribeTaskQueueResponse:
    request = DescribeTaskQueueRequest(namespace="default", task_queue=TaskQueue(name="queue"), **fields)
    response: DescribeTaskQueueResponse = await world.workflows.DescribeTaskQueue(request)
    return response


async def limit(world: InProcess, per_second: float) -> None:
    await world.workflows.UpdateTaskQueueConfig(
        UpdateTaskQueueConfigRequest(
            namespace="default",
            task_queue="queue",
            task_queue_type=ACTIVITY,
            update_queue_rate_limit=UpdateTaskQueueConfigRequest.RateLimitUpdate(
                rate_limit=RateLimit(requests_per_second=per_second), reason="why"
            ),
        )
    )


async def test_what_waits_is_counted_in_both_modes(world: InProcess) -> None:
    await world.start("w")
    plain = await described(world, report_stats=True)
    assert plain.stats.approximate_backlog_count == 1
    assert plain.stats_by_priority_key[3].approximate_backlog_count == 1
    mode = DescribeTaskQueueMode.DESCRIBE_TASK_QUEUE_MODE_ENHANCED
    enhanced = await described(world, api_mode=mode, report_stats=True, report_pollers=True)
    types = enhanced.versions_info[""].types_info
    assert types[TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW].stats.approximate_backlog_count == 1
    assert types[ACTIVITY].stats.approximate_backlog_count == 0


async def test_a_rate_limit_is_kept_over_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "dev.db"
    async with in_process(db_path=path) as world:
        await limit(world, 7)
    async with in_process(db_path=path) as world:
        found = await described(world, task_queue_type=ACTIVITY, report_config=True)
        assert found.effective_rate_limit.requests_per_second == 7
        assert found.effective_rate_limit.rate_limit_source == RateLimitSource.RATE_LIMIT_SOURCE_API
        assert found.config.queue_rate_limit.metadata.reason == "why"


async def test_a_rate_limit_must_make_sense(world: InProcess) -> None:
    with refused(INVALID_ARGUMENT, "RequestsPerSecond for UpdateQueueRateLimit rate limit must be non-negative."):
        await limit(world, -1)


async def test_build_ids_are_kept_in_sets(world: InProcess) -> None:
    async def update(**operation: Any) -> None:
        await world.workflows.UpdateWorkerBuildIdCompatibility(
            UpdateWorkerBuildIdCompatibilityRequest(namespace="default", task_queue="queue", **operation)
        )

    add = UpdateWorkerBuildIdCompatibilityRequest.AddNewCompatibleVersion
    await update(add_new_build_id_in_new_default_set="1.0")
    await update(add_new_build_id_in_new_default_set="2.0")
    await update(add_new_compatible_build_id=add(new_build_id="1.1", existing_compatible_build_id="1.0"))
    await update(promote_set_by_build_id="1.0")
    with refused(INVALID_ARGUMENT, "version 1.1 already exists"):
        await update(add_new_build_id_in_new_default_set="1.1")
    found = await world.workflows.GetWorkerBuildIdCompatibility(
        GetWorkerBuildIdCompatibilityRequest(namespace="default", task_queue="queue")
    )
    assert [list(each.build_ids) for each in found.major_version_sets] == [["2.0"], ["1.0", "1.1"]]
