"""RPCs answered without a network: what can be read from a database that no server runs on.

Only rows that change nothing are here, and none that tells of workers, of which a file knows nothing.
"""

from __future__ import annotations

import time
from typing import Any

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from wfctl.devserver.core.errors import Unimplemented
from wfctl.devserver.rpc.backend import Backend, Call
from wfctl.devserver.rpc.router import SERVICES, implemented

READING = frozenset(
    {
        "ListWorkflowExecutions",
        "CountWorkflowExecutions",
        "DescribeWorkflowExecution",
        "GetWorkflowExecutionHistory",
        "GetWorkflowExecutionHistoryReverse",
        "ListNamespaces",
        "DescribeNamespace",
        "ListSearchAttributes",
    }
)


class _NoContext:
    """A call from within: no client, no deadline."""

    def time_remaining(self) -> float | None:
        return None

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return ()


async def answer(backend: Backend, method: str, request: Any) -> Message:
    """Raises ServiceError, as the RPC would."""
    if method not in READING:
        raise Unimplemented(f"a database does not answer {method}")
    response = await implemented()[method](backend, request, Call(_NoContext(), time.monotonic()))
    if isinstance(response, Message):
        return response
    kind = next(service.methods_by_name[method] for service in SERVICES if method in service.methods_by_name)
    return GetMessageClass(kind.output_type).FromString(response)
