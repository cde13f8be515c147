"""Task queues: described, configured."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NoReturn

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.enums.v1 import (
    BuildIdTaskReachability,
    DescribeTaskQueueMode,
    RateLimitSource,
    TaskQueueKind,
    TaskQueueType,
)
from temporalio.api.taskqueue.v1 import (
    CompatibleVersionSet,
    PollerInfo,
    RateLimitConfig,
    TaskIdBlock,
    TaskQueueConfig,
    TaskQueuePartitionMetadata,
    TaskQueueStats,
    TaskQueueStatus,
    TaskQueueTypeInfo,
    TaskQueueVersionInfo,
)
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    DescribeTaskQueueResponse,
    GetWorkerBuildIdCompatibilityRequest,
    GetWorkerBuildIdCompatibilityResponse,
    GetWorkerVersioningRulesRequest,
    ListTaskQueuePartitionsRequest,
    ListTaskQueuePartitionsResponse,
    UpdateTaskQueueConfigRequest,
    UpdateTaskQueueConfigResponse,
    UpdateWorkerBuildIdCompatibilityRequest,
    UpdateWorkerBuildIdCompatibilityResponse,
    UpdateWorkerVersioningRulesRequest,
)

from wfctl.devserver.core import build_id_sets, validation
from wfctl.devserver.core.effects import DEFAULT_PRIORITY
from wfctl.devserver.core.errors import InvalidArgument, PermissionDenied
from wfctl.devserver.core.times import NEVER, timestamp
from wfctl.devserver.matching.queue import Backlog, TaskQueue
from wfctl.devserver.matching.queues import ACTIVITY, WORKFLOW
from wfctl.devserver.rpc.backend import Backend, Call
from wfctl.devserver.settings import Settings

# What the real server dispatches of one queue at most; ours has no such limit, clients expect to be shown one.
SYSTEM_RATE_LIMIT = 4000.0
TASK_ID_BLOCK = 100_000
ENHANCED = DescribeTaskQueueMode.DESCRIBE_TASK_QUEUE_MODE_ENHANCED
_PARTITION = re.compile(f"{validation.PARTITION_PREFIX}.+/[0-9]+")
UNVERSIONED = "__unversioned__"
PARTITIONS = 4
NOTHING = Backlog(0, None)
MAX_REASON_LENGTH = 1000
MAX_WEIGHT_OVERRIDES = 1000  # matching.maxFairnessKeyWeightOverrides


# -- describe -------------------------------------------------------------------------------------------------------


async def describe_task_queue(
    backend: Backend, request: DescribeTaskQueueRequest, call: Call
) -> DescribeTaskQueueResponse:
    namespace = backend.namespaces.resolve(request.namespace)
    enhanced = request.api_mode == ENHANCED
    sticky = request.task_queue.kind == TaskQueueKind.TASK_QUEUE_KIND_STICKY
    _check_queue(request, backend.settings)
    if enhanced and sticky:
        raise InvalidArgument(
            "Enhanced DescribeTaskQueue is not valid for a sticky queue, use api_mode=UNSPECIFIED or a normal queue."
        )
    name = request.task_queue.name
    if enhanced:
        kinds = list(request.task_queue_types) or [WORKFLOW, ACTIVITY]
        queues = {kind: backend.queues.peek(namespace.id, kind, name) for kind in kinds}
        return _enhanced(request, queues, backend.clock.now())
    kind = request.task_queue_type or WORKFLOW
    queue = backend.queues.peek(namespace.id, kind, name)
    now = backend.clock.now()
    response = DescribeTaskQueueResponse(pollers=_pollers(queue, now))
    if not sticky:
        response.versioning_info.current_version = UNVERSIONED
        response.versioning_info.update_time.CopyFrom(NEVER)
    if request.report_stats:
        response.stats.CopyFrom(_stats(queue, queue.backlog(), now))
        for key, backlog in {DEFAULT_PRIORITY: NOTHING, **queue.backlog_by_priority()}.items():
            response.stats_by_priority_key[key].CopyFrom(_stats(queue, backlog, now))
    config = backend.task_queues.get(namespace.id, name).configs.get(kind)
    if request.report_config and config is not None:
        response.config.CopyFrom(config)
    if request.include_task_queue_status:
        response.task_queue_status.CopyFrom(
            TaskQueueStatus(
                backlog_count_hint=queue.backlog_count,
                rate_per_second=SYSTEM_RATE_LIMIT,
                task_id_block=TaskIdBlock(start_id=1, end_id=TASK_ID_BLOCK),
            )
        )
    _set_rate_limit(response, queue)
    return response


def _check_queue(request: DescribeTaskQueueRequest, settings: Settings) -> None:
    """Without the enhanced mode one may look at a single partition; here each is empty but the first."""
    name, enhanced = request.task_queue.name, request.api_mode == ENHANCED
    if name.startswith(validation.PARTITION_PREFIX) and not enhanced:
        if not _PARTITION.fullmatch(name):
            raise InvalidArgument(f"invalid task queue partition name {name}")
        return
    validation.check_task_queue(request, settings)


def _set_rate_limit(response: DescribeTaskQueueResponse, queue: TaskQueue) -> None:
    limit = response.effective_rate_limit
    limit.requests_per_second = SYSTEM_RATE_LIMIT
    limit.rate_limit_source = RateLimitSource.RATE_LIMIT_SOURCE_SYSTEM
    if queue.configured_limit is not None:
        limit.requests_per_second = queue.configured_limit
        limit.rate_limit_source = RateLimitSource.RATE_LIMIT_SOURCE_API
    elif queue.worker_limit is not None:
        limit.requests_per_second = queue.worker_limit
        limit.rate_limit_source = RateLimitSource.RATE_LIMIT_SOURCE_WORKER


def _enhanced(
    request: DescribeTaskQueueRequest, queues: Mapping[TaskQueueType.ValueType, TaskQueue], now: datetime
) -> DescribeTaskQueueResponse:
    """By version and type. All work here is unversioned: the one version is the empty one."""
    info = TaskQueueVersionInfo()
    if request.report_task_reachability:
        info.task_reachability = BuildIdTaskReachability.BUILD_ID_TASK_REACHABILITY_REACHABLE
    for kind, queue in queues.items():
        of_type = TaskQueueTypeInfo()
        if request.report_pollers:
            of_type.pollers.extend(_pollers(queue, now))
        if request.report_stats:
            of_type.stats.CopyFrom(_stats(queue, queue.backlog(), now))
        info.types_info[kind].CopyFrom(of_type)
    response = DescribeTaskQueueResponse()
    response.versions_info[""].CopyFrom(info)
    return response


def _pollers(queue: TaskQueue, now: datetime) -> list[PollerInfo]:
    infos = []
    for poller in sorted(queue.pollers.recent(now), key=lambda poller: poller.last_access_time, reverse=True):
        info = PollerInfo(
            identity=poller.identity,
            rate_per_second=poller.rate_per_second,
            worker_version_capabilities=poller.capabilities,
            deployment_options=poller.deployment_options,
        )
        info.last_access_time.FromDatetime(poller.last_access_time)
        infos.append(info)
    return infos


def _stats(queue: TaskQueue, backlog: Backlog, now: datetime) -> TaskQueueStats:
    stats = TaskQueueStats(
        approximate_backlog_count=backlog.count,
        tasks_add_rate=queue.added.per_second(now),
        tasks_dispatch_rate=queue.dispatched.per_second(now),
    )
    age = now - backlog.oldest_added_at if backlog.oldest_added_at else timedelta()
    stats.approximate_backlog_age.FromTimedelta(max(age, timedelta()))
    return stats


async def list_task_queue_partitions(
    backend: Backend, request: ListTaskQueuePartitionsRequest, call: Call
) -> ListTaskQueuePartitionsResponse:
    """Ours is one queue; the names are those that a client of the real server would find."""
    backend.namespaces.resolve(request.namespace)
    validation.check_task_queue(request, backend.settings)
    name, host = request.task_queue.name, socket.gethostname()
    keys = [name, *(f"{validation.PARTITION_PREFIX}{name}/{number}" for number in range(1, PARTITIONS))]
    partitions = [TaskQueuePartitionMetadata(key=key, owner_host_name=host) for key in keys]
    return ListTaskQueuePartitionsResponse(
        activity_task_queue_partitions=partitions, workflow_task_queue_partitions=partitions
    )


# -- configuration --------------------------------------------------------------------------------------------------


async def update_task_queue_config(
    backend: Backend, request: UpdateTaskQueueConfigRequest, call: Call
) -> UpdateTaskQueueConfigResponse:
    namespace = backend.namespaces.resolve(request.namespace)
    _check_config(request, backend.settings)
    record = backend.task_queues.get(namespace.id, request.task_queue)
    config = record.config(request.task_queue_type)
    now = timestamp(backend.clock.now())
    if request.HasField("update_queue_rate_limit"):
        config.queue_rate_limit.CopyFrom(_rate_limit(request.update_queue_rate_limit, request.identity, now))
    if request.HasField("update_fairness_key_rate_limit_default"):
        update = request.update_fairness_key_rate_limit_default
        config.fairness_keys_rate_limit_default.CopyFrom(_rate_limit(update, request.identity, now))
    _update_weights(config, request)
    if request.task_queue:
        await backend.task_queues.save(namespace.id, request.task_queue, record)
    return UpdateTaskQueueConfigResponse(config=config)


def _check_config(request: UpdateTaskQueueConfigRequest, settings: Settings) -> None:
    for name, shown, what in (
        ("update_queue_rate_limit", "UpdateQueueRateLimit", "rate limit"),
        ("update_fairness_key_rate_limit_default", "UpdateFairnessKeyRateLimitDefault", "fairness key rate limit"),
    ):
        update = getattr(request, name)
        if not update.HasField("rate_limit"):
            continue
        if request.task_queue_type == WORKFLOW:
            raise InvalidArgument(f"Setting {what} on workflow task queues is not allowed.")
        if update.rate_limit.requests_per_second < 0:
            raise InvalidArgument(f"RequestsPerSecond for {shown} rate limit must be non-negative.")
        _check_text(f"{shown}.Reason", update.reason, MAX_REASON_LENGTH)
    _check_text("Identity", request.identity, settings.max_id_length)
    _check_weights(request)
    if request.task_queue.startswith(validation.PARTITION_PREFIX):
        raise InvalidArgument(f"invalid task queue partition name {request.task_queue}")


def _check_text(field: str, value: str, limit: int) -> None:
    if validation.length(value) > limit:
        raise InvalidArgument(f"{field} field too long (max {limit} characters).")


def _check_weights(request: UpdateTaskQueueConfigRequest) -> None:
    weights, removed = request.set_fairness_weight_overrides, request.unset_fairness_weight_overrides
    total = len(weights) + len(removed)
    if total > MAX_WEIGHT_OVERRIDES:
        raise InvalidArgument(
            f"too many fairness weight overrides in request: got {total}, maximum {MAX_WEIGHT_OVERRIDES}"
        )
    for key in [*weights, *removed]:
        if not key:
            raise InvalidArgument("fairness weight override key must not be empty")
        if validation.length(key) > validation.FAIRNESS_KEY_LENGTH:
            raise InvalidArgument("fairness key length exceeds limit")
        if key in weights and weights[key] <= 0:
            raise InvalidArgument(f'invalid fairness weight weight for key "{key}": must be greater than zero')
        if key in weights and key in removed:
            raise InvalidArgument(f'fairness weight override key "{key}" present in both set and unset lists')


def _update_weights(config: TaskQueueConfig, request: UpdateTaskQueueConfigRequest) -> None:
    for key, weight in request.set_fairness_weight_overrides.items():
        config.fairness_weight_overrides[key] = weight
    for key in request.unset_fairness_weight_overrides:
        config.fairness_weight_overrides.pop(key, None)


def _rate_limit(update: UpdateTaskQueueConfigRequest.RateLimitUpdate, identity: str, now: Timestamp) -> RateLimitConfig:
    """The limit, or its absence, with who set it and why."""
    config = RateLimitConfig()
    if update.HasField("rate_limit"):
        config.rate_limit.CopyFrom(update.rate_limit)
    config.metadata.reason = update.reason
    config.metadata.update_identity = identity
    config.metadata.update_time.CopyFrom(now)
    return config


# -- versions of the first generations ------------------------------------------------------------------------------


async def get_worker_build_id_compatibility(
    backend: Backend, request: GetWorkerBuildIdCompatibilityRequest, call: Call
) -> GetWorkerBuildIdCompatibilityResponse:
    namespace = backend.namespaces.resolve(request.namespace)
    if not request.task_queue:
        raise InvalidArgument("missing task queue name")
    validation.check_task_queue_name(request.task_queue, backend.settings)
    sets = backend.task_queues.get(namespace.id, request.task_queue).build_id_sets
    if request.max_sets > 0:
        sets = sets[-request.max_sets :]
    return GetWorkerBuildIdCompatibilityResponse(
        major_version_sets=[CompatibleVersionSet(build_ids=build_ids) for build_ids in sets]
    )


async def update_worker_build_id_compatibility(
    backend: Backend, request: UpdateWorkerBuildIdCompatibilityRequest, call: Call
) -> UpdateWorkerBuildIdCompatibilityResponse:
    namespace = backend.namespaces.resolve(request.namespace)
    build_id_sets.check_request(request)
    validation.check_task_queue_name(request.task_queue, backend.settings)
    record = backend.task_queues.get(namespace.id, request.task_queue)
    record.build_id_sets = build_id_sets.updated(record.build_id_sets, request)
    await backend.task_queues.save(namespace.id, request.task_queue, record)
    return UpdateWorkerBuildIdCompatibilityResponse()


async def get_worker_versioning_rules(
    backend: Backend, request: GetWorkerVersioningRulesRequest, call: Call
) -> NoReturn:
    _refuse_rules(backend, request.namespace)


async def update_worker_versioning_rules(
    backend: Backend, request: UpdateWorkerVersioningRulesRequest, call: Call
) -> NoReturn:
    _refuse_rules(backend, request.namespace)


def _refuse_rules(backend: Backend, namespace: str) -> NoReturn:
    backend.namespaces.resolve(namespace)
    raise PermissionDenied("Worker versioning v0.2 (Rules-based, deprecated) is disabled on this namespace.")


RPCS = {
    "DescribeTaskQueue": describe_task_queue,
    "ListTaskQueuePartitions": list_task_queue_partitions,
    "UpdateTaskQueueConfig": update_task_queue_config,
    "GetWorkerBuildIdCompatibility": get_worker_build_id_compatibility,
    "UpdateWorkerBuildIdCompatibility": update_worker_build_id_compatibility,
    "GetWorkerVersioningRules": get_worker_versioning_rules,
    "UpdateWorkerVersioningRules": update_worker_versioning_rules,
}
