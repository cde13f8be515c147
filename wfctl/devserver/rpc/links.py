"""Links between executions: what a request may attach, and those that responses carry."""

from __future__ import annotations

from collections.abc import Collection

from google.protobuf.message import Message
from temporalio.api.common.v1 import Link
from temporalio.api.enums.v1 import EventType

from wfctl.devserver.core.errors import InvalidArgument
from wfctl.devserver.core.execution import Execution

MAX_LINKS = 10  # frontend.maxlinksPerRequest
MAX_LINK_BYTES = 4000  # frontend.linkMaxSize
# variant → how messages call it, and the fields that it must fill: field → its name in messages
_VARIANTS: dict[str, tuple[str, dict[str, str]]] = {
    "workflow_event": (
        "workflow event",
        {"namespace": "namespace field", "workflow_id": "workflow ID field", "run_id": "run ID field"},
    ),
    "batch_job": ("batch job", {"job_id": "job ID"}),
    "nexus_operation": (
        "nexus operation",
        {"namespace": "namespace field", "operation_id": "operation ID field", "run_id": "run ID field"},
    ),
    "activity": (
        "activity",
        {"namespace": "namespace field", "activity_id": "activity ID field", "run_id": "run ID field"},
    ),
    "workflow": (
        "workflow",
        {"namespace": "namespace field", "workflow_id": "workflow ID field", "run_id": "run ID field"},
    ),
}


def check_links(links: Collection[Link]) -> None:
    """Raises InvalidArgument."""
    if len(links) > MAX_LINKS:
        raise InvalidArgument(f"cannot attach more than {MAX_LINKS} links per request, got {len(links)}")
    for link in links:
        if link.ByteSize() > MAX_LINK_BYTES:
            raise InvalidArgument(f"link exceeds allowed size of {MAX_LINK_BYTES}, got {link.ByteSize()}")
        variant = link.WhichOneof("variant")
        if variant is None or variant not in _VARIANTS:
            raise InvalidArgument("unsupported link variant")
        _check_fields(getattr(link, variant), *_VARIANTS[variant])
        reference = link.workflow_event.event_ref
        if reference.event_id and not reference.event_type:
            raise InvalidArgument(
                "workflow event link ref cannot have an unspecified event type and a non-zero event ID"
            )


def _check_fields(variant: Message, name: str, fields: dict[str, str]) -> None:
    for field, shown in fields.items():
        if not getattr(variant, field):
            raise InvalidArgument(f"{name} link must not have an empty {shown}")


def started_link(execution: Execution) -> Link:
    """To the run's first event."""
    link = _workflow_event(execution)
    link.workflow_event.event_ref.event_id = 1
    link.workflow_event.event_ref.event_type = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED
    return link


def request_link(execution: Execution, request_id: str, event_type: EventType.ValueType) -> Link:
    """To the event that this request made; it may still be without an id."""
    link = _workflow_event(execution)
    link.workflow_event.request_id_ref.request_id = request_id
    link.workflow_event.request_id_ref.event_type = event_type
    return link


def _workflow_event(execution: Execution) -> Link:
    event = Link.WorkflowEvent(
        namespace=execution.namespace, workflow_id=execution.workflow_id, run_id=execution.run_id
    )
    return Link(workflow_event=event)
