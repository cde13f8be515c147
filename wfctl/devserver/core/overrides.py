"""Versioning overrides: how a client, rather than the worker, says which worker versions may run a workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import VersioningBehavior
from temporalio.api.workflow.v1 import VersioningOverride

from wfctl.devserver.core.effects import VisibilityChanged

if TYPE_CHECKING:
    from wfctl.devserver.core.execution import Execution

BEHAVIOR_ATTRIBUTE = "TemporalWorkflowVersioningBehavior"


def behavior_of(override: VersioningOverride | None) -> VersioningBehavior.ValueType:
    """The behavior that an override imposes, in whichever of its forms it is written."""
    if override is None:
        return VersioningBehavior.VERSIONING_BEHAVIOR_UNSPECIFIED
    if override.HasField("pinned"):
        return VersioningBehavior.VERSIONING_BEHAVIOR_PINNED
    if override.auto_upgrade:
        return VersioningBehavior.VERSIONING_BEHAVIOR_AUTO_UPGRADE
    return override.behavior


def behavior_name(behavior: VersioningBehavior.ValueType) -> str:
    """As attributes and messages spell it: `AutoUpgrade`."""
    name = VersioningBehavior.Name(behavior).removeprefix("VERSIONING_BEHAVIOR_")
    return "".join(word.capitalize() for word in name.split("_"))


def set_override(execution: Execution, override: VersioningOverride | None) -> None:
    """From now on this override holds; list and count can ask for the behavior that it imposes."""
    execution.options = override
    fields = execution.search_attributes.indexed_fields
    if behavior := behavior_of(override):
        payload = Payload(metadata={"encoding": b"json/plain", "type": b"Keyword"})
        payload.data = f'"{behavior_name(behavior)}"'.encode()
        fields[BEHAVIOR_ATTRIBUTE].CopyFrom(payload)
    elif BEHAVIOR_ATTRIBUTE in fields:
        del fields[BEHAVIOR_ATTRIBUTE]
    else:
        return
    execution.emit(VisibilityChanged())
