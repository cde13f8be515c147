"""TLS: a certificate of one's own, trusted by name, by file or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import pytest
from temporalio.api.workflowservice.v1 import ListWorkflowExecutionsRequest, ListWorkflowExecutionsResponse

from tests.commands.fake_server import FakeServer
from wfctl.client import Client
from wfctl.config import Connection, Tls
from wfctl.errors import ServerUnreachable

# Made for these tests alone: `openssl req -x509 … -subj /CN=my.server -addext subjectAltName=DNS:my.server`.
SELF_SIGNED = Path(__file__).parent / "self_signed"
CERTIFICATE = (SELF_SIGNED / "certificate.pem").read_bytes()
KEY = (SELF_SIGNED / "key.pem").read_bytes()


@pytest.fixture
def address() -> Iterator[str]:
    fake = FakeServer({"ListWorkflowExecutions": ListWorkflowExecutionsResponse(next_page_token=b"reached")})
    running: Any = grpc.server(futures.ThreadPoolExecutor(2))
    for handler in fake.handlers():
        running.add_generic_rpc_handlers((handler,))
    port = running.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(KEY, CERTIFICATE)]))
    running.start()
    yield f"127.0.0.1:{port}"
    running.stop(None).wait()


def reach(address: str, tls: Tls | None) -> bytes:
    with Client(Connection(address=address, tls=tls)) as client:
        token: bytes = client.workflow_service.ListWorkflowExecutions(ListWorkflowExecutionsRequest()).next_page_token
        return token


def test_a_certificate_that_is_trusted_by_file_and_name(address: str) -> None:
    assert reach(address, Tls(server_ca_cert=CERTIFICATE, server_name="my.server")) == b"reached"


def test_whatever_certificate_is_shown(address: str) -> None:
    assert reach(address, Tls(disable_host_verification=True)) == b"reached"


@pytest.mark.parametrize(
    ("tls", "message"),
    [(Tls(), "no TLS connection"), (Tls(server_ca_cert=CERTIFICATE), "is for another name")],
)
def test_one_that_is_not_trusted_or_has_another_name(address: str, tls: Tls, message: str) -> None:
    with pytest.raises(ServerUnreachable, match=message):
        reach(address, tls)


def test_plain_text_against_tls_and_the_other_way_round(address: str) -> None:
    with pytest.raises(ServerUnreachable) as plain:
        reach(address, None)
    assert plain.value.hint == "does the server want TLS? try --tls"
    with pytest.raises(ServerUnreachable, match="no TLS connection"):
        reach("127.0.0.1:1", Tls(disable_host_verification=True))
