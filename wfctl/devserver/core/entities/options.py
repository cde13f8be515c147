"""Options of a running workflow that change from outside: versioning override, priority, attached requests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from temporalio.api.common.v1 import Callback, Link
from temporalio.api.enums.v1 import VersioningBehavior
from temporalio.api.history.v1 import HistoryEvent, WorkflowExecutionOptionsUpdatedEventAttributes
from temporalio.api.workflow.v1 import VersioningOverride, WorkflowExecutionOptions

from wfctl.devserver.core import overrides
from wfctl.devserver.core.errors import FailedPrecondition, InvalidArgument

if TYPE_CHECKING:
    from wfctl.devserver.core.execution import Execution

_TOGETHER = {"versioning_override.deployment", "versioning_override.behavior"}
_PRIORITY_FIELDS = ("priority_key", "fairness_key", "fairness_weight")


def current(execution: Execution) -> WorkflowExecutionOptions:
    options = WorkflowExecutionOptions()
    if execution.options is not None:
        options.versioning_override.CopyFrom(execution.options)
    if execution.priority.ByteSize():
        options.priority.CopyFrom(execution.priority)
    return options


def update(
    execution: Execution, wanted: WorkflowExecutionOptions, paths: Iterable[str], identity: str
) -> WorkflowExecutionOptions:
    """Set what the paths name, as in `wanted`; a change is one event. Returns the options that hold now."""
    before = current(execution)
    merged = merge(before, wanted, set(paths))
    if merged == before:
        return merged
    attributes = WorkflowExecutionOptionsUpdatedEventAttributes(
        unset_versioning_override=not merged.HasField("versioning_override"), identity=identity
    )
    if merged.HasField("versioning_override"):
        attributes.versioning_override.CopyFrom(merged.versioning_override)
    if merged.HasField("priority"):
        attributes.priority.CopyFrom(merged.priority)
    execution.record(attributes, worker_may_ignore=True)
    return merged


def merge(
    options: WorkflowExecutionOptions, wanted: WorkflowExecutionOptions, paths: set[str]
) -> WorkflowExecutionOptions:
    """`options` with the fields that the paths name taken from `wanted`. Raises InvalidArgument."""
    merged = WorkflowExecutionOptions()
    merged.CopyFrom(options)
    if len(_TOGETHER & paths) == 1:
        raise _not_applied("versioning_override fields must be updated together")
    if any(path.startswith("versioning_override.") and path not in _TOGETHER for path in paths):
        raise _not_applied("versioning_override doesn't support partial updates")
    if any(path.startswith("time_skipping_config.") for path in paths):
        raise _not_applied("time_skipping_config doesn't support partial update")
    if "versioning_override" in paths or paths >= _TOGETHER:
        _take(merged, wanted, "versioning_override")
    if "priority" in paths:
        _take(merged, wanted, "priority")
    for name in _PRIORITY_FIELDS:
        if f"priority.{name}" in paths:
            merged.priority.SetInParent()
            setattr(merged.priority, name, getattr(wanted.priority, name))
    return merged


def _take(merged: WorkflowExecutionOptions, wanted: WorkflowExecutionOptions, name: str) -> None:
    merged.ClearField(name)  # type: ignore[arg-type]
    if wanted.HasField(name):  # type: ignore[arg-type]
        getattr(merged, name).CopyFrom(getattr(wanted, name))


def _not_applied(message: str) -> InvalidArgument:
    return InvalidArgument(f"error applying update_options: {message}")


def check_override(execution: Execution, override: VersioningOverride) -> None:
    """Raises when this override cannot be set on this run."""
    if not override.pinned.behavior or override.pinned.HasField("version"):
        return
    behavior = overrides.behavior_of(execution.options)
    if behavior != VersioningBehavior.VERSIONING_BEHAVIOR_PINNED:
        raise FailedPrecondition(
            f"must specify a specific pinned override version because workflow with id {execution.workflow_id}"
            f" has behavior {overrides.behavior_name(behavior)} and is not yet pinned to any version"
        )
    override.pinned.version.CopyFrom(execution.options.pinned.version)


@dataclass(frozen=True, slots=True)
class Attachment:
    """What a start request leaves with the running workflow that it uses instead of starting one."""

    request_id: str
    callbacks: tuple[Callback, ...] = ()
    links: tuple[Link, ...] = ()


def attach(execution: Execution, attachment: Attachment) -> None:
    """The workflow itself need not hear of it: no workflow task."""
    execution.record(
        WorkflowExecutionOptionsUpdatedEventAttributes(
            attached_request_id=attachment.request_id, attached_completion_callbacks=attachment.callbacks
        ),
        links=attachment.links,
        worker_may_ignore=True,
    )


def apply_workflow_execution_options_updated(
    execution: Execution, event: HistoryEvent, attributes: WorkflowExecutionOptionsUpdatedEventAttributes
) -> None:
    if attributes.attached_request_id:
        execution.request_ids[attributes.attached_request_id] = event.event_id
    if attributes.unset_versioning_override:
        overrides.set_override(execution, None)
    elif attributes.HasField("versioning_override"):
        overrides.set_override(execution, attributes.versioning_override)
    if attributes.HasField("priority"):
        execution.priority = attributes.priority
