"""Where a run stands among others: its parent, its children, the runs before and after it, who signalled whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wfctl.tui.models.cells import STATUS_MARKS, STATUS_TONES, Cell, Column, cell
from wfctl.tui.models.events import EventItem
from wfctl.tui.models.run import RunModel, RunRef
from wfctl.tui.models.spans import STATE_TONES

RELATION_COLUMNS = (
    Column("tree", "Relation", weight=3, least=20),
    Column("type", "Type", weight=1, least=8, priority=2),
    Column("state", "Status", width=14, priority=1),
    Column("run", "Run ID", width=36, priority=4),
)


@dataclass(frozen=True, slots=True)
class Relation:
    depth: int
    what: str
    ref: RunRef | None
    type: str = ""
    state: str = ""

    def cells(self) -> list[Cell]:
        name = self.ref.workflow_id if self.ref else ""
        tree = f"{'   ' * max(self.depth - 1, 0)}{'╰─ ' if self.depth else ''}{self.what}  {name}".rstrip()
        tone = STATUS_TONES.get(self.state) or STATE_TONES.get(self.state.lower(), "")  # type: ignore[call-overload]
        mark = STATUS_MARKS.get(self.state, "")
        run = self.ref.run_id if self.ref else ""
        return [
            cell(tree, "strong" if self.what == "this run" else ""),
            cell(self.type, "dim"),
            cell(f"{mark} {self.state}".strip(), tone),
            cell(run, "dim"),
        ]


def relations(model: RunModel) -> list[Relation]:
    info = model.info
    found: list[Relation] = []
    depth = 0
    root, parent = info.root_execution, info.parent_execution
    if root.workflow_id and root.workflow_id not in (parent.workflow_id, info.execution.workflow_id):
        found.append(Relation(depth, "root", RunRef(root.workflow_id, root.run_id)))
        depth += 1
    if parent.workflow_id:
        found.append(Relation(depth, "parent", RunRef(parent.workflow_id, parent.run_id)))
        depth += 1
    started = _started(model)
    if started is not None:
        _before(found, depth, started, model.run_id, info.execution.workflow_id)
    schedule = info.search_attributes.indexed_fields.get("TemporalScheduledById")
    if schedule is not None:
        found.append(
            Relation(depth, f"started by schedule {schedule.data.decode('utf-8', 'replace').strip(chr(34))}", None)
        )
    this = RunRef(info.execution.workflow_id, model.run_id)
    found.append(Relation(depth, "this run", this, info.type.name, model.status))
    found.extend(_below(model, depth + 1))
    return found


def _started(model: RunModel) -> Any:
    if not model.events.items:
        return None
    event = model.events.items[0].event
    if event.WhichOneof("attributes") != "workflow_execution_started_event_attributes":
        return None
    return event.workflow_execution_started_event_attributes


def _before(found: list[Relation], depth: int, started: Any, run_id: str, workflow_id: str) -> None:
    first, previous = started.first_execution_run_id, started.continued_execution_run_id
    if first and first not in (run_id, previous):
        found.append(Relation(depth, "first run", RunRef(workflow_id, first)))
    if previous:
        found.append(Relation(depth, "continued from", RunRef(workflow_id, previous), "", "ContinuedAsNew"))
    if started.original_execution_run_id and started.original_execution_run_id != run_id:
        found.append(Relation(depth, "reset from", RunRef(workflow_id, started.original_execution_run_id)))


def _below(model: RunModel, depth: int) -> list[Relation]:
    children: dict[int, Relation] = {}
    others: list[Relation] = []
    for item in model.events.items:
        if item.kind == "child":
            _child(children, item, depth)
        else:
            reader = _READERS.get(item.row.type)
            relation = reader(item.event, model) if reader else None
            if relation is not None:
                others.append(Relation(depth, relation[0], relation[1]))
    return [*children.values(), *others]


_CHILD_STATES = (
    ("Initiated", "waiting"),
    ("Started", "Running"),
    ("Completed", "Completed"),
    ("Failed", "Failed"),
    ("TimedOut", "TimedOut"),
    ("Canceled", "Canceled"),
    ("Terminated", "Terminated"),
)


def _child(children: dict[int, Relation], item: EventItem, depth: int) -> None:
    state = next((state for end, state in _CHILD_STATES if item.row.type.endswith(end)), "")
    which = item.event.WhichOneof("attributes")
    attributes = getattr(item.event, which)
    known = children.get(item.group)
    if known is None:
        children[item.group] = Relation(
            depth, "child", RunRef(attributes.workflow_id), attributes.workflow_type.name, state
        ) if hasattr(attributes, "workflow_id") else Relation(depth, "child", None, "", state)  # fmt: skip
        return
    execution = getattr(attributes, "workflow_execution", None)
    run_id = execution.run_id if execution is not None else ""
    ref = RunRef(known.ref.workflow_id, run_id or known.ref.run_id) if known.ref else None
    children[item.group] = Relation(depth, known.what, ref, known.type, state)


def _continued(event: Any, model: RunModel) -> tuple[str, RunRef] | None:
    run = event.workflow_execution_continued_as_new_event_attributes.new_execution_run_id
    return "continued as", RunRef(model.info.execution.workflow_id, run)


def _followed(name: str) -> Callable[[Any, RunModel], tuple[str, RunRef] | None]:
    def read(event: Any, model: RunModel) -> tuple[str, RunRef] | None:
        run = getattr(event, name).new_execution_run_id
        return ("followed by", RunRef(model.info.execution.workflow_id, run)) if run else None

    return read


def _signalled_by(event: Any, model: RunModel) -> tuple[str, RunRef] | None:
    attributes = event.workflow_execution_signaled_event_attributes
    by = attributes.external_workflow_execution
    return (f"signal {attributes.signal_name} from", RunRef(by.workflow_id, by.run_id)) if by.workflow_id else None


def _signals(event: Any, model: RunModel) -> tuple[str, RunRef] | None:
    attributes = event.signal_external_workflow_execution_initiated_event_attributes
    to = attributes.workflow_execution
    return f"signal {attributes.signal_name} to", RunRef(to.workflow_id, to.run_id)


_READERS: dict[str, Callable[[Any, RunModel], tuple[str, RunRef] | None]] = {
    "WorkflowExecutionContinuedAsNew": _continued,
    "WorkflowExecutionCompleted": _followed("workflow_execution_completed_event_attributes"),
    "WorkflowExecutionFailed": _followed("workflow_execution_failed_event_attributes"),
    "WorkflowExecutionTimedOut": _followed("workflow_execution_timed_out_event_attributes"),
    "WorkflowExecutionSignaled": _signalled_by,
    "SignalExternalWorkflowExecutionInitiated": _signals,
}
