"""The story, scene by scene. Commands are for the reader's eyes; every claim is checked through the SDK as well."""

from __future__ import annotations

import json
import shlex
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from demo.stage import DemoFailed, Stage

ORDER, MISTAKE = "order-1", "order-2"
NONDETERMINISM = 10  # exit code of `wfctl replay check`
TYPE, TASK_QUEUE = "OrderSaga", "order-saga"
REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Programs:
    """The command line, and how the server is started; both can be another's."""

    cli: str
    server: str | None


async def tell(stage: Stage, programs: Programs) -> None:
    story = Story(stage, programs)
    story.make_project()
    await story.open_shop()
    first_run = await story.place_order()
    await story.kill_and_recover(first_run)
    await story.approve()
    await story.undo_a_mistake()
    story.change_the_code()
    story.close_shop()


class Story:
    def __init__(self, stage: Stage, programs: Programs) -> None:
        self.stage = stage
        self.programs = programs
        self.project = stage.directory / "shop"
        self.database = stage.directory / "shop.db"
        self.port = _free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.server = 0
        self.worker = 0
        self.client: Client

    # Scenes.

    def make_project(self) -> None:
        self.stage.scene("A project from a template")
        new = [sys.executable, "-m", "wfctl", "new", "order-saga", "shop"]
        self.stage.run(new, "wfctl new order-saga shop", env={"PYTHONPATH": str(REPOSITORY)})
        self.stage.check((self.project / "workflows.py").is_file(), "the project is there")

    async def open_shop(self) -> None:
        self.stage.scene("A durable server, and a worker")
        self._start_server()
        self.client = await Client.connect(self.address)
        log = self.stage.directory / "worker.log"
        self.worker = self.stage.spawn(
            [sys.executable, "worker.py"], log, cwd=self.project, env={"TEMPORAL_ADDRESS": self.address}
        )
        self.stage.wait_until(lambda: "polling" in log.read_text(), "the worker")
        self.stage.say("$ python worker.py &")
        self.stage.check(self.stage.is_running(self.worker), "a worker polls the task queue")

    async def place_order(self) -> str:
        self.stage.scene("An order, paid with a card that fails twice")
        order = {"order_id": ORDER, "item": "kettle", "card": "flaky"}
        self._cli("workflow", "start", "--type", TYPE, "-t", TASK_QUEUE, "-w", ORDER, "-i", json.dumps(order))
        await self._wait_for_stage(ORDER, "waiting for approval")
        self._cli("workflow", "query", "-w", ORDER, "--name", "status")
        status = await self._status(ORDER)
        self.stage.check(status["done"] == ["reserve", "charge"], "reserved and charged; a person has to approve")
        described = await self.client.get_workflow_handle(ORDER).describe()
        return described.run_id

    async def kill_and_recover(self, run_id: str) -> None:
        self.stage.scene("The server dies, and comes back")
        before = await self._event_ids(ORDER)
        self.stage.kill_hard(self.server)
        self._start_server()
        self.client = await Client.connect(self.address)
        described = await self.client.get_workflow_handle(ORDER).describe()
        self.stage.check(described.run_id == run_id, "the same run is open")
        self.stage.check(await self._event_ids(ORDER) == before, f"all {len(before)} events of its history are there")
        self._cli("workflow", "query", "-w", ORDER, "--name", "status")
        status = await self._status(ORDER)
        self.stage.check(status["stage"] == "waiting for approval", "it still waits, and the worker found its way back")

    async def approve(self) -> None:
        self.stage.scene("Approval by a signal")
        self._cli("workflow", "signal", "-w", ORDER, "--name", "approve", "-i", '"ada"')
        self._cli("workflow", "result", "-w", ORDER)
        outcome = await self.client.get_workflow_handle(ORDER).result()
        self.stage.check(outcome["result"] == "shipped", f"shipped: {outcome['tracking']}")
        self._cli("workflow", "show", "-w", ORDER)
        ids = await self._event_ids(ORDER)
        self.stage.check(ids == list(range(1, len(ids) + 1)), f"{len(ids)} events, none missing, none twice")

    async def undo_a_mistake(self) -> None:
        self.stage.scene("A second order is rejected by mistake, and reset to before the decision")
        order = {"order_id": MISTAKE, "item": "teapot"}
        self._cli("workflow", "start", "--type", TYPE, "-t", TASK_QUEUE, "-w", MISTAKE, "-i", json.dumps(order))
        await self._wait_for_stage(MISTAKE, "waiting for approval")
        decision = json.dumps({"approved": False, "by": "bob"})
        self._cli("workflow", "update", "execute", "-w", MISTAKE, "--name", "decide", "-i", decision)
        rejected = self.client.get_workflow_handle(MISTAKE)
        outcome = await rejected.result()
        self.stage.check(outcome["undone"] == ["refund", "release"], "rejected: refunded, then released")
        rejected_run = (await rejected.describe()).run_id
        point = str(await self._before_the_decision())
        reason = "rejected by mistake"
        self._cli("workflow", "reset", "-w", MISTAKE, "-e", point, "--reason", reason, "--reapply-exclude", "Update")
        await self._wait_for_stage(MISTAKE, "waiting for approval")
        described = await self.client.get_workflow_handle(MISTAKE).describe()
        self.stage.check(described.run_id != rejected_run, "a new run waits for approval again, already paid")
        self._cli("workflow", "signal", "-w", MISTAKE, "--name", "approve", "-i", '"ada"')
        self._cli("workflow", "result", "-w", MISTAKE)
        outcome = await self.client.get_workflow_handle(MISTAKE).result()
        self.stage.check(outcome["result"] == "shipped", "this time it ships")

    def change_the_code(self) -> None:
        self.stage.scene("Would a change to the code break the orders that are open?")
        history = self.stage.directory / f"{ORDER}.json"
        shown = self._run_cli(["workflow", "show", "-w", ORDER, "-o", "json"], f"> {history.name}", quiet=True)
        history.write_text(shown, encoding="utf-8")
        self.stage.check(self._replays(history), "the recorded history replays against the code as it is")
        code = self.project / "workflows.py"
        before = code.read_text(encoding="utf-8")
        steps = [line for line in before.splitlines() if "self._take(" in line and "undo=" in line]
        changed = before.replace("\n".join(steps), "\n".join(reversed(steps)))
        self.stage.check(changed != before, "somebody charges before reserving")
        code.write_text(changed, encoding="utf-8")
        self.stage.check(not self._replays(history), "the replay catches it before it is deployed")
        code.write_text(before, encoding="utf-8")

    def close_shop(self) -> None:
        self.stage.scene("Closing")
        self.stage.interrupt(self.worker)
        seconds = self.stage.interrupt(self.server)
        self.stage.check(self.database.is_file(), f"the server stopped in {seconds:.2f} s; its file is kept")

    # The server.

    def _start_server(self) -> None:
        log = self.stage.directory / "server.log"
        words = self._server_words()
        self.server = self.stage.spawn(words, log, cwd=self.stage.directory, env={"PYTHONPATH": str(REPOSITORY)})
        self.stage.say(f"$ wfctl server start --port {self.port} --db-filename {self.database.name} &")
        self.stage.wait_until(self._answers, "the server")

    def _server_words(self) -> list[str]:
        if self.programs.server is None:
            flags = ["server", "start", "--port", str(self.port), "--db-filename", str(self.database)]
            return [*shlex.split(self.programs.cli), *flags]
        filled = self.programs.server.replace("{port}", str(self.port)).replace("{db}", str(self.database))
        return shlex.split(filled)

    def _answers(self) -> bool:
        if not self.stage.is_running(self.server):
            raise DemoFailed("the server ended by itself")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    # The command line.

    def _cli(self, *arguments: str) -> str:
        return self._run_cli(list(arguments))

    def _run_cli(self, arguments: list[str], suffix: str = "", *, quiet: bool = False) -> str:
        shown = " ".join(["wfctl", *map(_readable, arguments), suffix]).rstrip()
        words = [*shlex.split(self.programs.cli), *arguments, "--address", self.address]
        return self.stage.run(words, shown, env={"PYTHONPATH": str(REPOSITORY)}, quiet=quiet)

    def _replays(self, history: Path) -> bool:
        arguments = ["replay", "check", "workflows:OrderSaga", "--path", self.project.name, "--histories", history.name]
        words = [sys.executable, "-B", "-m", "wfctl", *arguments, "--jobs", "1", "--quiet"]
        code = self.stage.exit_code(words, "wfctl " + " ".join(arguments), env={"PYTHONPATH": str(REPOSITORY)})
        if code not in (0, NONDETERMINISM):
            raise DemoFailed(f"the replay itself failed with exit code {code}")
        return code == 0

    # What is so, asked through the SDK.

    async def _status(self, workflow_id: str) -> dict[str, Any]:
        status: dict[str, Any] = await self.client.get_workflow_handle(workflow_id).query("status")
        return status

    async def _wait_for_stage(self, workflow_id: str, wanted: str) -> None:
        async def arrived() -> bool:
            return bool((await self._status(workflow_id))["stage"] == wanted)

        await self.stage.wait_until_async(arrived, f"{workflow_id} to be {wanted}")

    async def _event_ids(self, workflow_id: str) -> list[int]:
        history = await self.client.get_workflow_handle(workflow_id).fetch_history()
        return [event.event_id for event in history.events]

    async def _before_the_decision(self) -> int:
        """The workflow task that began to wait: the last one completed before the update was accepted."""
        completed = 0
        history = await self.client.get_workflow_handle(MISTAKE).fetch_history()
        for event in history.events:
            if event.event_type == EventType.EVENT_TYPE_TIMER_STARTED:
                return completed
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
                completed = event.event_id
        raise DemoFailed("the order never waited for a decision")


def _readable(argument: str) -> str:
    return argument if argument.replace("-", "").replace("_", "").isalnum() else "'" + argument + "'"


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
