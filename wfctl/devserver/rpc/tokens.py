"""Tokens: what a worker hands back to say which task it means, and a client which page comes next.

Their layout is a protobuf of our own.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from wfctl.devserver.core.errors import InvalidArgument
from wfctl.devserver.core.execution import Execution

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


def task(
    execution: Execution, *, scheduled_event_id: int, attempt: int, started_time: datetime | None, **more: Any
) -> bytes:
    """The token of a task of this run; `more` is what only one kind of task has."""
    token = Task(
        namespace_id=execution.namespace_id,
        workflow_id=execution.workflow_id,
        run_id=execution.run_id,
        scheduled_event_id=scheduled_event_id,
        attempt=attempt,
        started_stamp=stamp(started_time),
        **more,
    )
    return bytes(token.SerializeToString())


def stamp(started_time: datetime | None) -> int:
    """When the task was started, in microseconds: what tells two attempts of one number apart."""
    return int(started_time.timestamp() * 1_000_000) if started_time else 0


def parse_task(token: bytes) -> Any:
    """The task a worker means. Raises InvalidArgument for what is no token."""
    return _parse_from_worker(Task, token)


def parse_query(token: bytes) -> Any:
    """The query a worker answers. Raises InvalidArgument for what is no token of a query."""
    query = _parse_from_worker(Query, token)
    if not query.task_queue or not query.query_id:
        raise InvalidArgument("Invalid TaskToken.")
    return query


def _parse_from_worker(kind: Any, token: bytes) -> Any:
    if not token:
        raise InvalidArgument("Task token not set on request.")
    try:
        return kind.FromString(token)
    except (DecodeError, UnicodeDecodeError):
        raise InvalidArgument("Error deserializing task token.") from None


def history_page(run_id: str, next_event_id: int) -> bytes:
    """The token of the page of a history that begins (backwards: ends before) there."""
    return bytes(HistoryPage(run_id=run_id, next_event_id=next_event_id).SerializeToString())


def parse_history_page(token: bytes) -> Any:
    """The page a client wants; of no token, all fields are empty. Raises InvalidArgument for what is none."""
    try:
        return HistoryPage.FromString(token)
    except (DecodeError, UnicodeDecodeError):
        raise InvalidArgument("Invalid NextPageToken.") from None
