"""A source of workflows: a server, files, or a database. All answer Temporal's own requests, or refuse them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from wfctl.client import Client
from wfctl.config import Connection
from wfctl.errors import ServerRefused


class Source(Protocol):
    """What feeds ask. `call` blocks, may be called from any thread, and raises CommandError."""

    @property
    def title(self) -> str:
        """Where this is: an address, a file's name."""

    @property
    def namespace(self) -> str: ...

    @property
    def identity(self) -> str: ...

    @property
    def read_only(self) -> bool: ...

    @property
    def is_live(self) -> bool:
        """Whether it may change while one looks."""

    @property
    def as_of(self) -> datetime | None:
        """The moment at which time stands still; None for now, or for each run's last event."""

    @property
    def warning(self) -> str:
        """What is wrong with what it answers, though it answers."""

    def call(self, method: str, request: Any, timeout: float | None = None) -> Any: ...

    def in_namespace(self, namespace: str) -> Source:
        """The same source, looking at another namespace."""

    def close(self) -> None: ...


def looking_client(connection: Connection, identity: str | None = None) -> Client:
    """Neither patient nor strict: that a server or a codec went away is for the screen to say."""
    return Client(connection, identity=identity, patience_seconds=0, forgives_codec=True)


class ServerSource:
    """Any Temporal server."""

    is_live = True
    as_of = None

    def __init__(self, client: Client, *, read_only: bool = False) -> None:
        self._client = client
        self.read_only = read_only

    @property
    def title(self) -> str:
        return self._client.connection.address

    @property
    def namespace(self) -> str:
        return self._client.namespace

    @property
    def identity(self) -> str:
        return self._client.identity

    @property
    def warning(self) -> str:
        failure = self._client.codec_failure
        return f"payloads are shown as they are stored: {failure.message}" if failure is not None else ""

    def call(self, method: str, request: Any, timeout: float | None = None) -> Any:
        service = self._client.workflow_service
        stub = service if hasattr(service, method) else self._client.operator_service
        try:
            return getattr(stub, method)(request, timeout=timeout)
        except ValueError as error:
            # gRPC's word for a channel that was closed while somebody was about to use it.
            raise ServerRefused(f"the connection was closed: {error}", code="CANCELLED") from error

    def in_namespace(self, namespace: str) -> ServerSource:
        connection = replace(self._client.connection, namespace=namespace)
        return ServerSource(looking_client(connection, self._client.identity), read_only=self.read_only)

    def close(self) -> None:
        self._client.close()


def verify(source: Source) -> None:
    """Whether it answers, for the namespace that it is to show. Raises CommandError."""
    from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest

    source.call("DescribeNamespace", DescribeNamespaceRequest(namespace=source.namespace))


def unsupported(method: str, what: str) -> ServerRefused:
    """What a source without a server says to most requests."""
    return ServerRefused(f"{what} does not answer {method}", code="UNIMPLEMENTED")
