"""The channel: patience with a restarting server, the remote codec, clear errors."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import grpc
import pytest
from temporalio.api.workflowservice.v1 import (
    ListWorkflowExecutionsRequest,
    ListWorkflowExecutionsResponse,
    QueryWorkflowRequest,
    QueryWorkflowResponse,
    StartWorkflowExecutionRequest,
    StartWorkflowExecutionResponse,
)

from tests.commands import samples
from tests.commands.fake_server import FakeServer, Refusal, serve
from wfctl.client import Client, Limits
from wfctl.config import Codec, Connection
from wfctl.errors import CommandError, ServerUnreachable

UNAVAILABLE = Refusal(grpc.StatusCode.UNAVAILABLE, "not now")


@pytest.fixture
def server() -> Iterator[FakeServer]:
    fake = FakeServer()
    running = serve(fake)
    yield fake
    running.stop(None).wait()


def listed(client: Client) -> ListWorkflowExecutionsResponse:
    request = ListWorkflowExecutionsRequest()
    answer: ListWorkflowExecutionsResponse = client.workflow_service.ListWorkflowExecutions(request)
    return answer


def test_a_server_that_answered_before_is_waited_for(server: FakeServer) -> None:
    answer = ListWorkflowExecutionsResponse(next_page_token=b"x")
    server.answers["ListWorkflowExecutions"] = [answer, UNAVAILABLE, UNAVAILABLE, answer]
    with Client(Connection(address=server.address)) as client:
        assert listed(client) == answer
        assert listed(client) == answer
    assert len(server.requests) == 4


def test_a_server_that_never_answered_is_not_waited_for(server: FakeServer) -> None:
    server.answers["ListWorkflowExecutions"] = [UNAVAILABLE, ListWorkflowExecutionsResponse()]
    with Client(Connection(address=server.address)) as client, pytest.raises(ServerUnreachable, match="not now"):
        listed(client)
    assert len(server.requests) == 1


def test_the_connect_timeout_is_patience_with_the_first_call(server: FakeServer) -> None:
    server.answers["ListWorkflowExecutions"] = [UNAVAILABLE, UNAVAILABLE, ListWorkflowExecutionsResponse()]
    with Client(Connection(address=server.address), limits=Limits(connect=timedelta(seconds=10))) as client:
        listed(client)
    assert len(server.requests) == 3


def test_calls_can_be_narrated(server: FakeServer) -> None:
    server.answers["ListWorkflowExecutions"] = ListWorkflowExecutionsResponse()
    said: list[str] = []
    with Client(Connection(address=server.address), log=said.append) as client:
        listed(client)
    assert said[0].startswith("ListWorkflowExecutions OK ")


# The remote codec.


class Reverser(BaseHTTPRequestHandler):
    """Encodes by turning the bytes around, which is its own inverse."""

    seen: list[tuple[str, dict[str, str]]] = []  # noqa: RUF012  # one server, one list

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append((self.path, dict(self.headers)))
        for payload in body["payloads"]:
            payload["data"] = base64.b64encode(base64.b64decode(payload["data"])[::-1]).decode()
        answer = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@pytest.fixture
def codec() -> Iterator[Codec]:
    Reverser.seen.clear()
    http = HTTPServer(("127.0.0.1", 0), Reverser)
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    yield Codec(f"http://127.0.0.1:{http.server_port}", auth="secret", headers={"X-More": "1"})
    http.shutdown()
    thread.join()
    http.server_close()


def test_payloads_go_through_the_codec_both_ways(server: FakeServer, codec: Codec) -> None:
    server.answers["StartWorkflowExecution"] = StartWorkflowExecutionResponse()
    server.answers["QueryWorkflow"] = QueryWorkflowResponse(query_result=samples.json_payloads('"cba"'))
    request = StartWorkflowExecutionRequest(input=samples.json_payloads('"abc"'))
    request.search_attributes.indexed_fields["A"].CopyFrom(samples.json_payload('"abc"'))
    with Client(Connection(address=server.address, codec=codec, namespace="shop")) as client:
        client.workflow_service.StartWorkflowExecution(request)
        answer = client.workflow_service.QueryWorkflow(QueryWorkflowRequest())
    assert server.sent("StartWorkflowExecution").input.payloads[0].data == b'"cba"'
    assert server.sent("StartWorkflowExecution").search_attributes.indexed_fields["A"].data == b'"abc"'
    assert request.input.payloads[0].data == b'"abc"'
    assert answer.query_result.payloads[0].data == b'"abc"'
    assert [path for path, _ in Reverser.seen] == ["/encode", "/decode"]
    headers = Reverser.seen[0][1]
    assert (headers["Authorization"], headers["X-Namespace"], headers["X-More"]) == ("secret", "shop", "1")


def test_a_codec_that_does_not_answer_is_an_error(server: FakeServer) -> None:
    connection = Connection(address=server.address, codec=Codec("http://127.0.0.1:1"))
    with Client(connection) as client, pytest.raises(CommandError, match="did not answer as a codec"):
        client.workflow_service.StartWorkflowExecution(StartWorkflowExecutionRequest(input=samples.json_payloads("1")))
    assert server.requests == []


@pytest.mark.parametrize("details", ["Stream removed (Socket closed)", "GOAWAY received; Cancelling all calls"])
def test_a_first_call_that_breaks_off_is_made_again(server: FakeServer, details: str) -> None:
    """As when the dev server is killed and started again while `workflow result` waits."""
    broken_off = Refusal(grpc.StatusCode.UNAVAILABLE, details)
    server.answers["ListWorkflowExecutions"] = [broken_off, UNAVAILABLE, ListWorkflowExecutionsResponse()]
    with Client(Connection(address=server.address)) as client:
        listed(client)
    assert len(server.requests) == 3
