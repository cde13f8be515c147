"""Everything beside workflows, as a table: what is listed, how a row reads, what can be done to it.

A server that lacks one of these says so in its answer, and the screen shows that answer in its place.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from wfctl.errors import CommandError
from wfctl.tui.feeds.source import Source
from wfctl.tui.models.cells import Cell, Column, Tone, cell
from wfctl.tui.models.listing import moment
from wfctl.tui.models.values import heading, message_lines
from wfctl.view.durations import long_duration, short_duration
from wfctl.view.enums import camel

_PAGE_SIZE = 100
_MOST_PAGES = 20


@dataclass(frozen=True, slots=True)
class Item:
    key: str
    cells: list[Cell]
    detail: Any = None


@dataclass(frozen=True, slots=True)
class ItemAction:
    key: str
    name: str
    what: str
    run: Callable[[Source, str], str]
    destructive: bool = False


@dataclass(frozen=True, slots=True)
class Resource:
    noun: str
    title: str
    columns: Sequence[Column]
    fetch: Callable[[Source], list[Item]]
    describe: Callable[[Source, Item], list[Cell]]
    actions: Sequence[ItemAction] = field(default=())
    empty: str = "none"


def _described(source: Source, item: Item) -> list[Cell]:
    return message_lines(item.detail) if item.detail is not None else []


def _all_pages(ask: Callable[[bytes], Any], items_of: Callable[[Any], Sequence[Any]]) -> list[Any]:
    found: list[Any] = []
    token = b""
    for _ in range(_MOST_PAGES):
        response = ask(token)
        found.extend(items_of(response))
        token = response.next_page_token
        if not token:
            break
    return found


def _ago(stamp: Any) -> str:
    when = moment(stamp)
    return f"{short_duration(datetime.now(UTC) - when)} ago" if when else ""


def _until(stamp: Any) -> str:
    when = moment(stamp)
    if when is None:
        return ""
    left = when - datetime.now(UTC)
    return f"in {short_duration(left)}" if left.total_seconds() > 0 else f"{short_duration(-left)} ago"


# Schedules.


def _schedules(source: Source) -> list[Item]:
    from temporalio.api.workflowservice.v1 import ListSchedulesRequest

    def ask(token: bytes) -> Any:
        request = ListSchedulesRequest(namespace=source.namespace, maximum_page_size=_PAGE_SIZE, next_page_token=token)
        return source.call("ListSchedules", request)

    return [_schedule(entry) for entry in _all_pages(ask, lambda response: response.schedules)]


def _schedule(entry: Any) -> Item:
    info = entry.info
    upcoming = info.future_action_times[0] if info.future_action_times else None
    recent = info.recent_actions[-1] if info.recent_actions else None
    return Item(
        entry.schedule_id,
        [
            cell(entry.schedule_id, "strong"),
            cell(info.workflow_type.name),
            cell("‖ paused" if info.paused else "● active", "warn" if info.paused else "live"),
            cell(_until(upcoming) if upcoming is not None and not info.paused else "", "live"),
            cell(_ago(recent.actual_time) if recent is not None else "never", "dim"),
            cell(info.notes, "dim"),
        ],
        entry,
    )


def _schedule_detail(source: Source, item: Item) -> list[Cell]:
    from temporalio.api.workflowservice.v1 import DescribeScheduleRequest

    request = DescribeScheduleRequest(namespace=source.namespace, schedule_id=item.key)
    response = source.call("DescribeSchedule", request)
    lines = [heading("Next runs")]
    lines += [
        cell(f"  {stamp.ToDatetime(tzinfo=UTC):%Y-%m-%d %H:%M:%S} UTC  {_until(stamp)}")
        for stamp in response.info.future_action_times
    ] or [cell("  none", "dim")]
    lines += [cell(""), heading("Recent actions")]
    lines += [
        cell(
            f"  {action.actual_time.ToDatetime(tzinfo=UTC):%Y-%m-%d %H:%M:%S} UTC  "
            f"{action.start_workflow_result.workflow_id}"
        )
        for action in reversed(response.info.recent_actions)
    ] or [cell("  none", "dim")]
    return [*lines, cell(""), heading("Schedule"), *message_lines(response.schedule, 2)]


def _patch_schedule(source: Source, schedule_id: str, **patch: Any) -> None:
    from temporalio.api.schedule.v1 import SchedulePatch
    from temporalio.api.workflowservice.v1 import PatchScheduleRequest

    request = PatchScheduleRequest(
        namespace=source.namespace,
        schedule_id=schedule_id,
        patch=SchedulePatch(**patch),
        identity=source.identity,
        request_id=str(uuid.uuid4()),
    )
    source.call("PatchSchedule", request)


def _trigger(source: Source, schedule_id: str) -> str:
    from temporalio.api.schedule.v1 import TriggerImmediatelyRequest

    _patch_schedule(source, schedule_id, trigger_immediately=TriggerImmediatelyRequest())
    return f"{schedule_id} triggered"


def _pause(source: Source, schedule_id: str) -> str:
    _patch_schedule(source, schedule_id, pause=f"paused by {source.identity}")
    return f"{schedule_id} paused"


def _unpause(source: Source, schedule_id: str) -> str:
    _patch_schedule(source, schedule_id, unpause=f"unpaused by {source.identity}")
    return f"{schedule_id} goes on"


def _delete_schedule(source: Source, schedule_id: str) -> str:
    from temporalio.api.workflowservice.v1 import DeleteScheduleRequest

    source.call(
        "DeleteSchedule",
        DeleteScheduleRequest(namespace=source.namespace, schedule_id=schedule_id, identity=source.identity),
    )
    return f"{schedule_id} deleted"


# Batches.


def _batches(source: Source) -> list[Item]:
    from temporalio.api.workflowservice.v1 import ListBatchOperationsRequest

    def ask(token: bytes) -> Any:
        request = ListBatchOperationsRequest(namespace=source.namespace, page_size=_PAGE_SIZE, next_page_token=token)
        return source.call("ListBatchOperations", request)

    return [_batch(entry) for entry in _all_pages(ask, lambda response: response.operation_info)]


_BATCH_TONES: dict[str, Tone] = {"Running": "live", "Completed": "ok", "Failed": "bad"}


def _batch(entry: Any) -> Item:
    from temporalio.api.enums.v1 import BatchOperationState

    state = camel(BatchOperationState.Name(entry.state), "BATCH_OPERATION_STATE_")
    return Item(
        entry.job_id,
        [
            cell(state, _BATCH_TONES.get(state, "")),
            cell(entry.job_id, "strong"),
            cell(_ago(entry.start_time), "dim"),
            cell(_ago(entry.close_time), "dim"),
        ],
        entry,
    )


def _batch_detail(source: Source, item: Item) -> list[Cell]:
    from temporalio.api.workflowservice.v1 import DescribeBatchOperationRequest

    request = DescribeBatchOperationRequest(namespace=source.namespace, job_id=item.key)
    return message_lines(source.call("DescribeBatchOperation", request))


def _stop_batch(source: Source, job_id: str) -> str:
    from temporalio.api.workflowservice.v1 import StopBatchOperationRequest

    request = StopBatchOperationRequest(
        namespace=source.namespace, job_id=job_id, reason="stopped by hand", identity=source.identity
    )
    source.call("StopBatchOperation", request)
    return f"{job_id} stopped"


# Task queues: no server lists them, so they are those of the runs that one sees.


def _task_queues(source: Source) -> list[Item]:
    from temporalio.api.workflowservice.v1 import ListWorkflowExecutionsRequest

    names: dict[str, int] = {}
    for query in ("ExecutionStatus = 'Running'", ""):
        request = ListWorkflowExecutionsRequest(namespace=source.namespace, page_size=200, query=query)
        for info in source.call("ListWorkflowExecutions", request).executions:
            if info.task_queue:
                names[info.task_queue] = names.get(info.task_queue, 0) + (1 if query else 0)
    return [_task_queue(source, name, running) for name, running in sorted(names.items())]


def _task_queue(source: Source, name: str, running: int) -> Item:
    workflow = describe_task_queue(source, name, "workflow")
    activity = describe_task_queue(source, name, "activity")
    backlog = workflow.stats.approximate_backlog_count + activity.stats.approximate_backlog_count
    pollers = [*workflow.pollers, *activity.pollers]
    newest = max((poller.last_access_time for poller in pollers), key=lambda stamp: stamp.ToNanoseconds(), default=None)
    idle = running and not workflow.pollers
    return Item(
        name,
        [
            cell(name, "strong"),
            cell(str(running) if running else "", "live"),
            cell(str(len(workflow.pollers)), "bad" if idle else ""),
            cell(str(len(activity.pollers))),
            cell(str(backlog) if backlog else "", "warn"),
            cell(_ago(newest) if newest is not None else "never", "bad" if idle else "dim"),
        ],
        (workflow, activity),
    )


def describe_task_queue(source: Source, name: str, kind: str) -> Any:
    from temporalio.api.enums.v1 import TaskQueueType
    from temporalio.api.taskqueue.v1 import TaskQueue
    from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

    types = TaskQueueType
    request = DescribeTaskQueueRequest(
        namespace=source.namespace,
        task_queue=TaskQueue(name=name),
        task_queue_type=types.TASK_QUEUE_TYPE_WORKFLOW if kind == "workflow" else types.TASK_QUEUE_TYPE_ACTIVITY,
        report_stats=True,
    )
    return source.call("DescribeTaskQueue", request)


def _task_queue_detail(source: Source, item: Item) -> list[Cell]:
    lines: list[Cell] = []
    for title, response in zip(("Workflow pollers", "Activity pollers"), item.detail, strict=True):
        lines.append(heading(title))
        lines += [
            cell(
                f"  {poller.identity}  last seen {_ago(poller.last_access_time)}"
                + (
                    f"  build {poller.worker_version_capabilities.build_id}"
                    if poller.worker_version_capabilities.build_id
                    else ""
                )
            )
            for poller in response.pollers
        ] or [cell("  nobody polls", "bad")]
        lines += [cell(""), *message_lines(response.stats, 2), cell("")]
    return lines


# Workers, deployments, namespaces, attributes, endpoints.


def _workers(source: Source) -> list[Item]:
    from temporalio.api.workflowservice.v1 import ListWorkersRequest

    def ask(token: bytes) -> Any:
        request = ListWorkersRequest(namespace=source.namespace, page_size=_PAGE_SIZE, next_page_token=token)
        return source.call("ListWorkers", request)

    return [_worker(entry) for entry in _all_pages(ask, lambda response: response.workers_info)]


def _worker(entry: Any) -> Item:
    beat = entry.worker_heartbeat
    return Item(
        beat.worker_instance_key,
        [
            cell(beat.worker_identity, "strong"),
            cell(beat.task_queue),
            cell(f"{beat.sdk_name} {beat.sdk_version}", "dim"),
            cell(beat.host_info.host_name, "dim"),
            cell(_ago(beat.heartbeat_time), "dim"),
        ],
        entry,
    )


def _deployments(source: Source) -> list[Item]:
    from temporalio.api.workflowservice.v1 import ListWorkerDeploymentsRequest

    def ask(token: bytes) -> Any:
        request = ListWorkerDeploymentsRequest(namespace=source.namespace, page_size=_PAGE_SIZE, next_page_token=token)
        return source.call("ListWorkerDeployments", request)

    return [_deployment(entry) for entry in _all_pages(ask, lambda response: response.worker_deployments)]


def _deployment(entry: Any) -> Item:
    routing = entry.routing_config
    ramping = routing.ramping_deployment_version.build_id
    return Item(
        entry.name,
        [
            cell(entry.name, "strong"),
            cell(routing.current_deployment_version.build_id or "unversioned", "live"),
            cell(f"{ramping} {routing.ramping_version_percentage:g} %" if ramping else "", "warn"),
            cell(_ago(entry.create_time), "dim"),
        ],
        entry,
    )


def _namespaces(source: Source) -> list[Item]:
    from temporalio.api.workflowservice.v1 import ListNamespacesRequest

    def ask(token: bytes) -> Any:
        return source.call("ListNamespaces", ListNamespacesRequest(page_size=_PAGE_SIZE, next_page_token=token))

    return [_namespace(source, entry) for entry in _all_pages(ask, lambda response: response.namespaces)]


def _namespace(source: Source, entry: Any) -> Item:
    from temporalio.api.enums.v1 import NamespaceState

    info = entry.namespace_info
    retention = entry.config.workflow_execution_retention_ttl.ToTimedelta()
    here = info.name == source.namespace
    return Item(
        info.name,
        [
            cell("●" if here else "", "live"),
            cell(info.name, "strong"),
            cell(camel(NamespaceState.Name(info.state), "NAMESPACE_STATE_"), "dim"),
            cell(long_duration(retention) if retention else "forever"),
            cell(info.description, "dim"),
        ],
        entry,
    )


def _search_attributes(source: Source) -> list[Item]:
    from temporalio.api.enums.v1 import IndexedValueType
    from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest

    response = source.call("ListSearchAttributes", ListSearchAttributesRequest(namespace=source.namespace))
    found: list[Item] = []
    for origin, attributes in (("custom", response.custom_attributes), ("system", response.system_attributes)):
        for name, kind in sorted(attributes.items()):
            words = camel(IndexedValueType.Name(kind), "INDEXED_VALUE_TYPE_")
            found.append(Item(name, [cell(name, "strong"), cell(words), cell(origin, "dim")]))
    return found


def _endpoints(source: Source) -> list[Item]:
    from temporalio.api.operatorservice.v1 import ListNexusEndpointsRequest

    def ask(token: bytes) -> Any:
        return source.call("ListNexusEndpoints", ListNexusEndpointsRequest(page_size=_PAGE_SIZE, next_page_token=token))

    found: list[Item] = []
    for entry in _all_pages(ask, lambda response: response.endpoints):
        worker = entry.spec.target.worker
        target = f"{worker.namespace}/{worker.task_queue}" if worker.task_queue else entry.spec.target.external.url
        found.append(
            Item(
                entry.id, [cell(entry.spec.name, "strong"), cell(target), cell(_ago(entry.created_time), "dim")], entry
            )
        )
    return found


def verify_namespace(source: Source, namespace: str) -> Source:
    """The source in another namespace, once that has answered. Raises CommandError, and leaves the old one open."""
    from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest

    other = source.in_namespace(namespace)
    try:
        other.call("DescribeNamespace", DescribeNamespaceRequest(namespace=namespace))
    except CommandError:
        if other is not source:
            other.close()
        raise
    return other


RESOURCES: dict[str, Resource] = {
    resource.noun: resource
    for resource in (
        Resource(
            "schedules",
            "Schedules",
            (
                Column("id", "Schedule", weight=2, least=14),
                Column("type", "Workflow type", weight=2, least=10, priority=2),
                Column("state", "State", width=9),
                Column("next", "Next run", width=14, priority=1),
                Column("last", "Last run", width=14, priority=3),
                Column("notes", "Notes", weight=1, least=8, priority=4),
            ),
            _schedules,
            _schedule_detail,
            (
                ItemAction("t", "Trigger", "Start the action of schedule {id} now.", _trigger),
                ItemAction("p", "Pause", "Pause schedule {id}.", _pause),
                ItemAction("u", "Unpause", "Let schedule {id} go on.", _unpause),
                ItemAction("d", "Delete", "Delete schedule {id}.", _delete_schedule, destructive=True),
            ),
            "no schedules",
        ),
        Resource(
            "batches",
            "Batches",
            (
                Column("state", "State", width=12),
                Column("id", "Job", weight=1, least=20),
                Column("started", "Started", width=14, priority=1),
                Column("closed", "Closed", width=14, priority=2),
            ),
            _batches,
            _batch_detail,
            (ItemAction("s", "Stop", "Stop batch {id}; what it has done stays done.", _stop_batch, destructive=True),),
            "no batches",
        ),
        Resource(
            "task-queues",
            "Task queues",
            (
                Column("name", "Task queue", weight=1, least=16),
                Column("running", "Running", width=8, align="right", priority=2),
                Column("workflow", "Workflow", width=9, align="right"),
                Column("activity", "Activity", width=9, align="right", priority=3),
                Column("backlog", "Backlog", width=8, align="right", priority=1),
                Column("seen", "Last poll", width=13, align="right", priority=1),
            ),
            _task_queues,
            _task_queue_detail,
            empty="no task queues among the newest workflows",
        ),
        Resource(
            "workers",
            "Workers",
            (
                Column("identity", "Worker", weight=2, least=16),
                Column("queue", "Task queue", weight=1, least=10, priority=1),
                Column("sdk", "SDK", width=24, priority=3),
                Column("host", "Host", width=18, priority=4),
                Column("seen", "Heartbeat", width=13, align="right", priority=2),
            ),
            _workers,
            _described,
            empty="no worker sends heartbeats",
        ),
        Resource(
            "deployments",
            "Deployments",
            (
                Column("name", "Deployment", weight=2, least=16),
                Column("current", "Current", weight=1, least=12),
                Column("ramping", "Ramping", weight=1, least=10, priority=1),
                Column("created", "Created", width=13, align="right", priority=2),
            ),
            _deployments,
            _described,
            empty="no worker deployments",
        ),
        Resource(
            "namespaces",
            "Namespaces",
            (
                Column("here", "", width=1),
                Column("name", "Namespace", weight=1, least=16),
                Column("state", "State", width=12, priority=2),
                Column("retention", "Retention", width=12, priority=1),
                Column("description", "Description", weight=2, least=10, priority=3),
            ),
            _namespaces,
            _described,
        ),
        Resource(
            "search-attributes",
            "Search attributes",
            (
                Column("name", "Name", weight=1, least=20),
                Column("type", "Type", width=14),
                Column("origin", "Origin", width=8, priority=1),
            ),
            _search_attributes,
            _described,
        ),
        Resource(
            "nexus",
            "Nexus endpoints",
            (
                Column("name", "Endpoint", weight=1, least=16),
                Column("target", "Target", weight=2, least=16),
                Column("created", "Created", width=13, align="right", priority=1),
            ),
            _endpoints,
            _described,
            empty="no Nexus endpoints",
        ),
    )
}
