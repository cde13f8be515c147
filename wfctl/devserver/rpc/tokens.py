"""Task tokens: what a worker hands back to say which task it means. Their layout is a protobuf of our own."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from wfctl.devserver.core.errors import InvalidArgument

_F = FieldDescriptorProto


def _message(name: str, fields: list[tuple[str, _F.Type.ValueType]]) -> DescriptorProto:
    message = DescriptorProto(name=name)
    for number, (field, kind) in enumerate(fields, 1):
        message.field.add(name=field, number=number, type=kind, label=_F.LABEL_OPTIONAL)
    return message


_pool = DescriptorPool()
_pool.Add(
    FileDescriptorProto(
        name="wfctl/token.proto",
        package="wfctl.token",
        syntax="proto3",
        message_type=[
            _message(
                "Task",
                [
                    ("namespace_id", _F.TYPE_STRING),
                    ("workflow_id", _F.TYPE_STRING),
                    ("run_id", _F.TYPE_STRING),
                    ("scheduled_event_id", _F.TYPE_INT64),
                    ("attempt", _F.TYPE_INT32),
                    ("activity_id", _F.TYPE_STRING),
                    ("started_event_id", _F.TYPE_INT64),
                    ("started_stamp", _F.TYPE_INT64),
                ],
            ),
            _message(
                "Query",
                [("namespace_id", _F.TYPE_STRING), ("task_queue", _F.TYPE_STRING), ("query_id", _F.TYPE_STRING)],
            ),
            _message(
                "HistoryPage",
                [
                    ("run_id", _F.TYPE_STRING),
                    ("next_event_id", _F.TYPE_INT64),
                    ("end_event_id", _F.TYPE_INT64),
                    ("workflow_id", _F.TYPE_STRING),
                ],
            ),
        ],
    )
)
Task: Any = GetMessageClass(_pool.FindMessageTypeByName("wfctl.token.Task"))
Query: Any = GetMessageClass(_pool.FindMessageTypeByName("wfctl.token.Query"))
HistoryPage: Any = GetMessageClass(_pool.FindMessageTypeByName("wfctl.token.HistoryPage"))


def parse_task(token: bytes) -> Any:
    """The task a worker means. Raises InvalidArgument for what is no token."""
    if not token:
        raise InvalidArgument("Task token not set on request.")
    try:
        return Task.FromString(token)
    except (DecodeError, UnicodeDecodeError):
        raise InvalidArgument("Error deserializing task token.") from None
