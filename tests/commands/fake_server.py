"""A Temporal server that gives canned answers, for the tests of the command line.

It implements the public services' methods by name: an answer is a message, a function of the request, a refusal, or a
list of those to be given one after another. What was asked is recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent import futures
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.message import Message
from temporalio.api.operatorservice.v1 import service_pb2 as operator_service
from temporalio.api.workflowservice.v1 import service_pb2 as workflow_service

SERVICES = (
    workflow_service.DESCRIPTOR.services_by_name["WorkflowService"],
    operator_service.DESCRIPTOR.services_by_name["OperatorService"],
)


@dataclass
class Refusal:
    """An answer that is an error status."""

    code: grpc.StatusCode
    message: str


Answer = Message | Refusal | Callable[[Any], Message]


@dataclass
class FakeServer:
    answers: dict[str, Answer | list[Answer]] = field(default_factory=dict)
    requests: list[tuple[str, Any]] = field(default_factory=list)
    headers: list[dict[str, Any]] = field(default_factory=list)
    address: str = ""

    def sent(self, method: str) -> Any:
        """The last request of a method."""
        return next(request for name, request in reversed(self.requests) if name == method)

    def asked(self) -> list[str]:
        return [name for name, _ in self.requests]

    def answer(self, method: str, request: Any, context: Any) -> Message:
        self.requests.append((method, request))
        self.headers.append(dict(context.invocation_metadata()))
        answer = self.answers.get(method)
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if answer is None:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"unknown method {method}")
        if isinstance(answer, Refusal):
            context.abort(answer.code, answer.message)
        if isinstance(answer, Message):
            return answer
        assert callable(answer)
        return answer(request)

    def handlers(self) -> list[Any]:
        return [
            grpc.method_handlers_generic_handler(
                service.full_name, {method.name: self._handler(method) for method in service.methods}
            )
            for service in SERVICES
        ]

    def _handler(self, method: Any) -> Any:
        def handle(request: Any, context: Any) -> Message:
            return self.answer(method.name, request, context)

        return grpc.unary_unary_rpc_method_handler(
            handle,
            request_deserializer=method.input_type._concrete_class.FromString,
            response_serializer=method.output_type._concrete_class.SerializeToString,
        )


def serve(fake: FakeServer) -> Any:
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    for handler in fake.handlers():
        server.add_generic_rpc_handlers((handler,))
    fake.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    return server
