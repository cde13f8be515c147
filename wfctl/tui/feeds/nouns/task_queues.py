"""Task queues: who polls them, what waits in them, how fast it comes and goes.

No server lists task queues, so they are those of the workflows that one sees, and of what these wait for.
"""

from __future__ import annotations

from typing import Any

from wfctl.tui.feeds.nouns.parts import Item, Link, Resource, ago, facts, quoted, section
from wfctl.tui.feeds.source import Source
from wfctl.tui.models.cells import Cell, Column, Part, Tone, cell
from wfctl.view.durations import short_duration

_RUNS_LOOKED_AT = 200


def _fetch(source: Source) -> list[Item]:
    from temporalio.api.workflowservice.v1 import ListWorkflowExecutionsRequest

    names: dict[str, int] = {}
    for query in ("ExecutionStatus = 'Running'", ""):
        request = ListWorkflowExecutionsRequest(namespace=source.namespace, page_size=_RUNS_LOOKED_AT, query=query)
        for info in source.call("ListWorkflowExecutions", request).executions:
            if info.task_queue:
                names[info.task_queue] = names.get(info.task_queue, 0) + (1 if query else 0)
    return [_item(source, name, running) for name, running in sorted(names.items())]


def _item(source: Source, name: str, running: int) -> Item:
    workflow = describe_task_queue(source, name, "workflow")
    activity = describe_task_queue(source, name, "activity")
    backlog = workflow.stats.approximate_backlog_count + activity.stats.approximate_backlog_count
    pollers = [*workflow.pollers, *activity.pollers]
    newest = max((poller.last_access_time for poller in pollers), key=lambda stamp: stamp.ToNanoseconds(), default=None)
    is_deserted = bool(running) and not workflow.pollers
    return Item(
        name,
        [
            cell("✗" if is_deserted else "●" if pollers else "·", "bad" if is_deserted else "ok" if pollers else "dim"),
            cell(name, "strong"),
            cell(_count(running, running), "live"),
            cell(str(len(workflow.pollers)), "bad" if is_deserted else ""),
            cell(str(len(activity.pollers))),
            cell(str(backlog) if backlog else "", "warn"),
            cell(f"{workflow.stats.tasks_dispatch_rate + activity.stats.tasks_dispatch_rate:.1f}/s", "dim"),
            cell(ago(newest) if newest is not None else "never", "bad" if is_deserted else "dim"),
        ],
        (workflow, activity),
    )


def _count(number: int, seen: int) -> str:
    return f"{number}{'+' if seen >= _RUNS_LOOKED_AT else ''}" if number else ""


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


def _describe(source: Source, item: Item) -> list[Cell]:
    lines: list[Cell] = []
    for kind, response in zip(("Workflow", "Activity"), item.detail, strict=True):
        lines += section(f"{kind} pollers", [_poller(poller) for poller in response.pollers], "nobody polls", "bad")
        lines += section(f"{kind} tasks", _stats(response.stats))
    return lines


def _poller(poller: Any) -> Cell:
    capabilities = poller.worker_version_capabilities
    options = getattr(poller, "deployment_options", None)
    build = (options.build_id if options is not None else "") or capabilities.build_id
    return (
        Part("  ● ", "ok"),
        Part(poller.identity),
        Part(f"  {ago(poller.last_access_time)}", "dim"),
        Part(f"  build {build}" if build else "", "accent"),
    )


def _stats(stats: Any) -> list[Cell]:
    waiting = stats.approximate_backlog_count
    age = stats.approximate_backlog_age.ToTimedelta()
    tone: Tone = "warn" if waiting else ""
    return facts(
        ("waiting", str(waiting), tone),
        ("oldest", short_duration(age) if waiting and age else "", tone),
        ("come", f"{stats.tasks_add_rate:.2f}/s"),
        ("go", f"{stats.tasks_dispatch_rate:.2f}/s"),
    )


def _links(item: Item) -> list[Link]:
    on_it = f"TaskQueue = {quoted(item.key)}"
    return [
        Link("Running", "that run on it now", f"{on_it} AND ExecutionStatus = 'Running'"),
        Link("All", "that were started on it", on_it),
    ]


TASK_QUEUES = Resource(
    "task-queues",
    "Task queues",
    (
        Column("mark", "", width=1),
        Column("name", "Task queue", weight=1, least=16),
        Column("running", "Running", width=7, align="right", priority=3),
        Column("workflow", "Wf pollers", width=10, align="right"),
        Column("activity", "Act pollers", width=11, align="right", priority=2),
        Column("backlog", "Backlog", width=7, align="right"),
        Column("rate", "Rate", width=7, align="right", priority=4),
        Column("seen", "Last poll", width=11, align="right", priority=1),
    ),
    _fetch,
    _describe,
    empty="no task queues among the newest workflows",
    links=_links,
)
