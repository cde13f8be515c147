"""`wfctl task-queue`: who polls a queue, and what waits in it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from wfctl.commands._session import Session, session
from wfctl.commands._tree import LazyGroup, Row

if TYPE_CHECKING:
    from temporalio.api.taskqueue.v1 import PollerInfo, TaskQueueTypeInfo
    from temporalio.api.workflowservice.v1 import DescribeTaskQueueResponse

app = LazyGroup(
    {"describe": Row("wfctl.commands.task_queue:describe", "Who polls a task queue, and its backlog")},
    help="See who polls a task queue, and its backlog.",
)


class Type(StrEnum):
    WORKFLOW = "workflow"
    ACTIVITY = "activity"
    NEXUS = "nexus"


_UNVERSIONED = "UNVERSIONED"


@dataclass(kw_only=True)
class Selection:
    select_build_id: Annotated[
        list[str] | None, typer.Option("--select-build-id", help="Only workers with this build ID; repeatable.")
    ] = None
    select_unversioned: Annotated[bool, typer.Option("--select-unversioned", help="Include unversioned workers.")] = (
        False
    )
    select_all_active: Annotated[
        bool, typer.Option("--select-all-active", help="Include every version that polled or got a task lately.")
    ] = False


@dataclass(kw_only=True)
class Legacy:
    """For servers that know pollers but neither versions nor statistics."""

    legacy_mode: Annotated[bool, typer.Option("--legacy-mode", help="Ask as older servers want it: pollers only.")] = (
        False
    )
    task_queue_type_legacy: Annotated[
        Literal["workflow", "activity"],
        typer.Option("--task-queue-type-legacy", help="With --legacy-mode: type of queue."),
    ] = "workflow"
    partitions_legacy: Annotated[
        int, typer.Option("--partitions-legacy", min=1, help="With --legacy-mode: ask partitions 1 to N.")
    ] = 1


@dataclass(frozen=True, slots=True)
class Part:
    """One type of one version of a queue."""

    build_id: str
    type: str
    info: TaskQueueTypeInfo


def describe(
    ctx: typer.Context,
    task_queue: Annotated[str, typer.Option("-t", "--task-queue", help="Task queue.")],
    selection: Selection,
    task_queue_type: Annotated[
        list[Type] | None, typer.Option("--task-queue-type", help="Type of queue; all types without it; repeatable.")
    ] = None,
    report_reachability: Annotated[
        bool, typer.Option("--report-reachability", help="Say which versions can still get tasks.")
    ] = False,
    disable_stats: Annotated[bool, typer.Option("--disable-stats", help="Leave the statistics out.")] = False,
    report_config: Annotated[bool, typer.Option("--report-config", help="Show the queue's rate limits.")] = False,
    *,
    legacy: Legacy,
) -> None:
    """Show who polls a task queue, and what waits in it.

    No poller under `workflow` or `activity` means that no worker takes that kind of task from this queue.

        wfctl task-queue describe --task-queue orders
    """
    with session(ctx) as opened:
        if legacy.legacy_mode:
            _describe_legacy(opened, task_queue, legacy)
            return
        answer = _ask(opened, task_queue, selection, task_queue_type, report_reachability, not disable_stats)
        parts = list(_parts(answer))
        pollers = [poller for part in parts for poller in _pollers(opened, part)]
        stats = [] if disable_stats else [_stats(part) for part in parts]
        reachability = _reachability(answer) if report_reachability else []
        config = _config(opened, task_queue, task_queue_type) if report_config else {}
        if opened.out.is_json:
            value = {"reachability": reachability or None, "pollers": pollers or None, "stats": stats or None}
            opened.out.value({**value, "config": config} if report_config else value)
            return
        _print(opened, reachability, pollers, stats, with_stats=not disable_stats)
        if config:
            opened.out.heading("Config:")
            opened.out.card([(name, str(value)) for name, value in config.items()])


def _describe_legacy(opened: Session, task_queue: str, legacy: Legacy) -> None:
    from temporalio.api.enums.v1 import TaskQueueType
    from temporalio.api.taskqueue.v1 import TaskQueue
    from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

    kind = TaskQueueType.Value(f"TASK_QUEUE_TYPE_{legacy.task_queue_type_legacy.upper()}")
    statuses: list[dict[str, Any]] = []
    pollers: list[tuple[int, PollerInfo]] = []
    for partition in range(legacy.partitions_legacy):
        name = task_queue if partition == 0 else f"/_sys/{task_queue}/{partition}"
        answer = opened.workflow_service.DescribeTaskQueue(
            DescribeTaskQueueRequest(
                namespace=opened.namespace,
                task_queue=TaskQueue(name=name),
                task_queue_type=kind,
                include_task_queue_status=True,
            )
        )
        statuses.append({"partition": partition, **opened.as_json(answer.task_queue_status)})
        pollers.extend((partition, poller) for poller in answer.pollers)
    json_pollers = [{"partition": partition, **opened.as_json(poller)} for partition, poller in pollers]
    opened.out.value({"taskQueues": statuses, "pollers": json_pollers})
    opened.out.heading("Pollers:")
    opened.out.table(
        ("Identity", "LastAccessTime", "RatePerSecond"),
        [
            (poller.identity, opened.time(poller.last_access_time), _number(poller.rate_per_second))
            for _, poller in pollers
        ],
    )


def _print(
    opened: Session,
    reachability: list[dict[str, Any]],
    pollers: list[dict[str, Any]],
    stats: list[dict[str, Any]],
    *,
    with_stats: bool,
) -> None:
    out = opened.out
    if reachability:
        out.heading("Task Reachability:")
        out.table(("BuildID", "Reachability"), [(row["buildId"], row["reachability"]) for row in reachability])
    if with_stats:
        out.heading("Task Queue Statistics:")
        names = ("buildId", *_STATS)
        headers = ("BuildID", *(f"{name[:1].upper()}{name[1:]}" for name in _STATS))
        out.table(headers, [[_number(row[name]) for name in names] for row in stats])
    out.heading("Pollers:")
    rows = [
        (
            row["buildId"],
            row["taskQueueType"],
            row["identity"],
            opened.time(row["_lastAccessTime"]) if "_lastAccessTime" in row else row["lastAccessTime"],
            _number(row["ratePerSecond"]),
        )
        for row in pollers
    ]
    out.table(("BuildID", "TaskQueueType", "Identity", "LastAccessTime", "RatePerSecond"), rows, flexible=2)
    polled = {row["taskQueueType"] for row in pollers}
    if "workflow" not in polled and "activity" not in polled:
        out.note("no worker polls this task queue; is its name right, and does a worker run?")


_STATS = (
    "taskQueueType",
    "approximateBacklogCount",
    "approximateBacklogAge",
    "backlogIncreaseRate",
    "tasksAddRate",
    "tasksDispatchRate",
)


def _number(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _ask(
    opened: Session,
    task_queue: str,
    selection: Selection,
    types: list[Type] | None,
    reachability: bool,
    stats: bool,
) -> DescribeTaskQueueResponse:
    from temporalio.api.enums.v1 import DescribeTaskQueueMode, TaskQueueType
    from temporalio.api.taskqueue.v1 import TaskQueue, TaskQueueVersionSelection
    from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

    request = DescribeTaskQueueRequest(
        namespace=opened.namespace,
        task_queue=TaskQueue(name=task_queue),
        api_mode=DescribeTaskQueueMode.DESCRIBE_TASK_QUEUE_MODE_ENHANCED,
        task_queue_types=[
            TaskQueueType.Value(f"TASK_QUEUE_TYPE_{one.name}") for one in types or (Type.WORKFLOW, Type.ACTIVITY)
        ],
        report_pollers=True,
        report_stats=stats,
        report_task_reachability=reachability,
    )
    if selection.select_build_id or selection.select_unversioned or selection.select_all_active:
        request.versions.CopyFrom(
            TaskQueueVersionSelection(
                build_ids=selection.select_build_id or [],
                unversioned=selection.select_unversioned,
                all_active=selection.select_all_active,
            )
        )
    answer: DescribeTaskQueueResponse = opened.workflow_service.DescribeTaskQueue(request)
    return answer


def _parts(answer: DescribeTaskQueueResponse) -> list[Part]:
    from temporalio.api.enums.v1 import TaskQueueType

    return [
        Part(
            build_id or _UNVERSIONED,
            TaskQueueType.Name(number).removeprefix("TASK_QUEUE_TYPE_").lower(),  # type: ignore[arg-type]
            answer.versions_info[build_id].types_info[number],
        )
        for build_id in sorted(answer.versions_info)
        for number in sorted(answer.versions_info[build_id].types_info)
    ]


def _pollers(opened: Session, part: Part) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for poller in part.info.pollers:
        row: dict[str, Any] = {
            "buildId": part.build_id,
            "taskQueueType": part.type,
            "identity": poller.identity,
            "lastAccessTime": poller.last_access_time.ToJsonString(),
            "ratePerSecond": _single_precision(poller.rate_per_second),
        }
        if opened.out.is_text:
            row["_lastAccessTime"] = poller.last_access_time
        rows.append(row)
    return rows


def _stats(part: Part) -> dict[str, Any]:
    from wfctl.view.durations import long_duration

    stats = part.info.stats
    return {
        "buildId": part.build_id,
        "taskQueueType": part.type,
        "approximateBacklogCount": stats.approximate_backlog_count,
        "approximateBacklogAge": long_duration(stats.approximate_backlog_age.ToTimedelta()),
        "backlogIncreaseRate": _single_precision(stats.tasks_add_rate - stats.tasks_dispatch_rate),
        "tasksAddRate": _single_precision(stats.tasks_add_rate),
        "tasksDispatchRate": _single_precision(stats.tasks_dispatch_rate),
    }


def _single_precision(value: float) -> float | int:
    """The digits that the server's 32-bit number has, and no fraction where there is none."""
    return int(value) if value.is_integer() else float(f"{value:.8g}")


def _reachability(answer: DescribeTaskQueueResponse) -> list[dict[str, Any]]:
    from temporalio.api.enums.v1 import BuildIdTaskReachability

    from wfctl.view.enums import camel

    rows = []
    for build_id in sorted(answer.versions_info):
        name = BuildIdTaskReachability.Name(answer.versions_info[build_id].task_reachability)
        state = camel(name, "BUILD_ID_TASK_REACHABILITY_")
        rows.append({"buildId": build_id or _UNVERSIONED, "reachability": state[:1].lower() + state[1:]})
    return rows


def _config(opened: Session, task_queue: str, types: list[Type] | None) -> dict[str, Any]:
    from temporalio.api.enums.v1 import TaskQueueType
    from temporalio.api.taskqueue.v1 import TaskQueue
    from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

    kind = TaskQueueType.Value(f"TASK_QUEUE_TYPE_{(types or [Type.WORKFLOW])[0].name}")
    request = DescribeTaskQueueRequest(
        namespace=opened.namespace, task_queue=TaskQueue(name=task_queue), task_queue_type=kind, report_config=True
    )
    value: dict[str, Any] = opened.as_json(opened.workflow_service.DescribeTaskQueue(request).config)
    return value
