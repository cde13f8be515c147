"""One channel, with what every call needs: headers, deadline, patience with a restarting server, clear errors.

Synchronous gRPC, because a command makes a handful of calls one after another. The generated message classes are
used as they are; of the SDK only `temporalio.api` is imported.
"""

from __future__ import annotations

import getpass
import random
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from wfctl.client.status import refusal, waiting_hint
from wfctl.config import Connection, Tls
from wfctl.errors import CommandError, ServerUnreachable, TimedOutWaiting

if TYPE_CHECKING:
    from temporalio.api.operatorservice.v1 import OperatorServiceStub
    from temporalio.api.workflowservice.v1 import WorkflowServiceStub

PATIENCE_SECONDS = 30.0
"""How long a server that answered before may be away, as when it is restarted, before a call gives up."""

_POLL_SECONDS = 70.0
"""A server holds a long poll for 20 to 60 seconds; a call that takes longer than this is lost."""

_LONG_POLLS = frozenset(
    {"PollWorkflowExecutionUpdate", "UpdateWorkflowExecution", "ExecuteMultiOperation", "QueryWorkflow"}
)
_CALL_SECONDS = 15.0
_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
]


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a person is willing to wait."""

    command: timedelta | None = None
    connect: timedelta | None = None


class Client:
    """The services of one server, as one person in one namespace."""

    def __init__(
        self,
        connection: Connection,
        *,
        identity: str | None = None,
        limits: Limits | None = None,
        log: Callable[[str], None] | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
        forgives_codec: bool = False,
    ) -> None:
        """`forgives_codec`: answers come as they are while the codec does not decode them; `codec_failure` tells."""
        self.connection = connection
        self.namespace = connection.namespace
        self.identity = identity or default_identity()
        self._limits = limits or Limits()
        self._started = time.monotonic()
        self._log = log
        self._answered = False
        self._patience_seconds = patience_seconds
        self._forgives_codec = forgives_codec

    @cached_property
    def workflow_service(self) -> WorkflowServiceStub:
        from temporalio.api.workflowservice.v1 import WorkflowServiceStub

        return WorkflowServiceStub(self.channel)

    @cached_property
    def operator_service(self) -> OperatorServiceStub:
        from temporalio.api.operatorservice.v1 import OperatorServiceStub

        return OperatorServiceStub(self.channel)

    @cached_property
    def channel(self) -> Any:
        import grpc

        # Built here, not at import, because the base class is gRPC's.
        class Interceptor(grpc.UnaryUnaryClientInterceptor):  # type: ignore[misc]
            def __init__(self, client: Client) -> None:
                self._client = client

            def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
                return self._client._call(continuation, details, request)

        return grpc.intercept_channel(self._plain_channel, Interceptor(self))

    @cached_property
    def _plain_channel(self) -> Any:
        import grpc

        options: list[tuple[str, int | str]] = [*_OPTIONS]
        if self.connection.authority:
            options.append(("grpc.default_authority", self.connection.authority))
        if self.connection.tls is None:
            return grpc.insecure_channel(self.connection.address, options=options)
        credentials, more = _tls_credentials(self.connection.address, self.connection.tls)
        return grpc.secure_channel(self.connection.address, credentials, options=[*options, *more])

    def close(self) -> None:
        if "_plain_channel" in self.__dict__:
            self._plain_channel.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    # One call.

    @cached_property
    def _headers(self) -> list[tuple[str, str]]:
        headers = [
            ("client-name", "wfctl"),
            ("client-version", _version()),
            ("supported-server-versions", ">=1.0.0 <2.0.0"),
            ("temporal-namespace", self.namespace),
        ]
        if self.connection.api_key:
            headers.append(("authorization", f"Bearer {self.connection.api_key}"))
        return headers + [(name.lower(), value) for name, value in self.connection.grpc_meta.items()]

    def _call(self, continuation: Any, details: Any, request: Any) -> Any:
        """Send, and send again while the server is away for a moment; every write carries a request id."""
        method = str(details.method).rsplit("/", 1)[1]
        codec = self._codec
        sent = codec.encoded(request) if codec else request
        gives_up_at: float | None = None
        wait_seconds = 0.05
        while True:
            call_details = _Details(details.method, self._deadline(method, request, details.timeout), self._headers)
            began = time.monotonic()
            outcome = continuation(call_details, sent)
            error = outcome.exception()
            self._narrate(method, error, time.monotonic() - began)
            if error is None:
                self._answered = True
                return codec.decoding(outcome) if codec else outcome
            code = error.code().name
            self._answered = self._answered or _was_connected(code, str(error.details() or ""))
            if code == "DEADLINE_EXCEEDED" and self._may_poll_again(method, request):
                continue
            if gives_up_at is None:
                # Counted from the first failure: a long poll may have waited for minutes before it.
                gives_up_at = time.monotonic() + self._patience()
            if code == "UNAVAILABLE" and time.monotonic() < gives_up_at:
                time.sleep(wait_seconds * random.uniform(0.8, 1.2))
                wait_seconds = min(wait_seconds * 2, 1.0)
                self._check_command_timeout(method)
                continue
            raise self._explained(method, error)

    def _may_poll_again(self, method: str, request: Any) -> bool:
        """A poll that a server or a proxy held too long says nothing about what is polled for."""
        polling = method == "PollWorkflowExecutionUpdate" or getattr(request, "wait_new_event", False)
        return bool(polling) and (self._limits.command is None or self._seconds_left() > 0)

    def _patience(self) -> float:
        """A server that never answered gets the connect timeout, by default only one try."""
        if self._answered:
            return self._patience_seconds
        return self._limits.connect.total_seconds() if self._limits.connect else 0.0

    def _deadline(self, method: str, request: Any, asked: float | None) -> float:
        long = method in _LONG_POLLS or getattr(request, "wait_new_event", False)
        seconds = asked or (_POLL_SECONDS if long else _CALL_SECONDS)
        if not self._answered and self._limits.connect:
            seconds = max(seconds if long else 0.0, self._limits.connect.total_seconds())
        if self._limits.command is not None:
            seconds = min(seconds, self._seconds_left())
        return max(seconds, 0.001)

    def _seconds_left(self) -> float:
        assert self._limits.command is not None
        return self._limits.command.total_seconds() - (time.monotonic() - self._started)

    def _check_command_timeout(self, method: str) -> None:
        if self._limits.command is not None and self._seconds_left() <= 0:
            raise self._timed_out(method)

    def _timed_out(self, method: str) -> TimedOutWaiting:
        assert self._limits.command is not None
        seconds = self._limits.command.total_seconds()
        return TimedOutWaiting(f"not done after {seconds:g} s (--command-timeout)", hint=waiting_hint(method))

    def _explained(self, method: str, error: Any) -> Exception:
        code = error.code().name
        address = self.connection.address
        if code == "UNAVAILABLE":
            return _unreachable(address, str(error.details() or ""), tls=self.connection.tls is not None)
        if (
            code in ("DEADLINE_EXCEEDED", "CANCELLED")
            and self._limits.command is not None
            and self._seconds_left() <= 0
        ):
            return self._timed_out(method)
        return refusal(method, error, namespace=self.namespace)

    def _narrate(self, method: str, error: Any, seconds: float) -> None:
        if self._log is not None:
            self._log(f"{method} {error.code().name if error else 'OK'} {seconds * 1000:.1f} ms")

    @cached_property
    def _codec(self) -> Any:
        if self.connection.codec is None:
            return None
        from wfctl.client.codec import ForgivingCodec, RemoteCodec

        kind = ForgivingCodec if self._forgives_codec else RemoteCodec
        return kind(self.connection.codec, self.namespace)

    @property
    def codec_failure(self) -> CommandError | None:
        """Why the last payloads were not decoded, where that is forgiven."""
        return getattr(self._codec, "failure", None)


_BROKEN_OFF = ("stream removed", "socket closed", "connection reset", "goaway", "cancelling all calls")


class _Details(NamedTuple):
    """What gRPC wants to know about a call; the class that it gives its interceptors has no constructor."""

    method: str
    timeout: float | None
    metadata: list[tuple[str, str]]
    credentials: Any = None
    wait_for_ready: bool | None = None
    compression: Any = None


def default_identity() -> str:
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "unknown"
    return f"wfctl:{user}@{socket.gethostname()}"


def _version() -> str:
    from wfctl import __version__

    return __version__


def _was_connected(code: str, details: str) -> bool:
    """Whether a call broke off, as against never having got through: then the server is there, or will be again."""
    lowered = details.lower()
    broke_off = any(words in lowered for words in _BROKEN_OFF)
    return code == "UNAVAILABLE" and broke_off and "failed to connect" not in lowered


def _unreachable(address: str, details: str, *, tls: bool) -> ServerUnreachable:
    lowered = details.lower()
    if "connection refused" in lowered:
        host = address.rsplit(":", 1)[0]
        local = host in ("localhost", "127.0.0.1", "[::1]", "0.0.0.0")
        hint = (
            "start one with `wfctl server start`, or name another with --address" if local else "is the address right?"
        )
        return ServerUnreachable(f"no server listens at {address}", hint=hint)
    if "dns" in lowered or "resolv" in lowered or "lookup" in lowered:
        return ServerUnreachable(f"the host of {address} is not known", hint="check --address and TEMPORAL_ADDRESS")
    if "wrong_version_number" in lowered:
        return ServerUnreachable(f"the server at {address} does not speak TLS", hint="try --tls=false")
    if "hostname verification" in lowered:
        hint = "name it with --tls-server-name, or accept it with --tls-disable-host-verification"
        return ServerUnreachable(f"the certificate at {address} is for another name", hint=hint)
    if "ssl" in lowered or "handshake" in lowered or "certificate" in lowered:
        return ServerUnreachable(f"no TLS connection to {address}: {details}", hint="check the --tls-… flags")
    hint = "does the server speak plain text? try --tls=false" if tls else "does the server want TLS? try --tls"
    return ServerUnreachable(f"no answer from {address}: {details or 'unavailable'}", hint=hint)


def _tls_credentials(address: str, tls: Tls) -> tuple[Any, list[tuple[str, str]]]:
    import grpc

    roots, server_name = tls.server_ca_cert, tls.server_name
    if tls.disable_host_verification:
        from wfctl.client.trust import certificate_shown_by

        shown = certificate_shown_by(address, server_name)
        roots, server_name = shown.pem, shown.name or server_name
    credentials = grpc.ssl_channel_credentials(roots, tls.client_key, tls.client_cert)
    return credentials, [("grpc.ssl_target_name_override", server_name)] if server_name else []
