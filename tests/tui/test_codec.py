"""Payloads behind a codec, and a codec that is down."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from temporalio.api.common.v1 import Memo, Payload, Payloads, WorkflowType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import StartWorkflowExecutionRequest

from tests.support.acting import Actor, attributes
from tests.support.inprocess import InProcess, in_process
from tests.tui.conftest import screen_text, showing, until, until_shown
from tests.tui.test_actions import choose, fill
from wfctl.client import codec as codec_module
from wfctl.config import Codec, Connection
from wfctl.tui.feeds.source import ServerSource, looking_client
from wfctl.tui.models.run import RunRef


class Reverser(BaseHTTPRequestHandler):
    """Encodes by turning the bytes around, which is its own inverse, unless it is out of order."""

    is_down: ClassVar[bool] = False

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        for payload in body["payloads"]:
            payload["data"] = base64.b64encode(base64.b64decode(payload["data"])[::-1]).decode()
        answer = json.dumps(body).encode()
        self.send_response(503 if Reverser.is_down else 200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@pytest.fixture
def codec(monkeypatch: pytest.MonkeyPatch) -> Iterator[Codec]:
    monkeypatch.setattr(codec_module, "_REST_SECONDS", 0.1)
    Reverser.is_down = False
    http = ThreadingHTTPServer(("127.0.0.1", 0), Reverser)
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    yield Codec(f"http://127.0.0.1:{http.server_port}")
    http.shutdown()
    thread.join()
    http.server_close()


def decoded(server: InProcess, codec: Codec) -> ServerSource:
    return ServerSource(looking_client(Connection(address=f"127.0.0.1:{server.server.port}", codec=codec), "tester"))


async def start(server: InProcess, text: str) -> None:
    payload = Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(text).encode()[::-1])
    await server.workflows.StartWorkflowExecution(
        StartWorkflowExecutionRequest(
            namespace="default",
            workflow_id="order-1",
            request_id="1",
            workflow_type=WorkflowType(name="T"),
            task_queue=TaskQueue(name="queue"),
            input=Payloads(payloads=[payload]),
            memo=Memo(fields={"customer": payload}),
        )
    )


async def test_payloads_are_decoded_and_what_is_typed_is_encoded(codec: Codec) -> None:
    async with in_process() as server, showing(decoded(server, codec), idle_seconds=0.2) as (app, pilot):
        await start(server, "for ada")
        await until_shown(pilot, "order-1")
        app.open_run(RunRef("order-1"))
        await until_shown(pilot, "history 2 events")
        await pilot.press("3")
        await until_shown(pilot, '"for ada"')
        await choose(pilot, "s")
        await fill(pilot, {"name": "approve", "input": '"yes"'})
        event = await Actor(server.workflows).wait_for_event("order-1", "WORKFLOW_EXECUTION_SIGNALED")
        assert attributes(event).input.payloads[0].data == b'"sey"'


async def test_a_codec_that_is_down_leaves_payloads_encoded_and_says_so(codec: Codec) -> None:
    Reverser.is_down = True
    async with in_process() as server, showing(decoded(server, codec), idle_seconds=0.2) as (app, pilot):
        await start(server, "for ada")
        await until_shown(pilot, "order-1")
        await until_shown(pilot, "payloads are shown as they are stored")
        app.open_run(RunRef("order-1"))
        await until_shown(pilot, "answered 503")
        await pilot.press("3")
        await until_shown(pilot, "ada rof")
        await choose(pilot, "s")
        await fill(pilot, {"name": "approve", "input": '"yes"'})
        await until(pilot, lambda: any("answered 503" in notice.message for notice in app._notifications))
        assert "WORKFLOW_EXECUTION_SIGNALED" not in await Actor(server.workflows).event_types("order-1")
        Reverser.is_down = False
        await until_shown(pilot, '"for ada"')
        assert "as they are stored" not in screen_text(app)
