"""The pages about the replay check are true: snippets run as far as a shell can, tables name what there is."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import textwrap
import types
from pathlib import Path
from typing import Any

import pytest
import yaml
from temporalio import activity
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from tests.replay.building import GREETING, ROOT, Project, as_json, clean_environment, one_activity
from tests.support.server import running_server
from wfctl.replay import settings
from wfctl.replay.exits import CheckExit
from wfctl.replay.model import Verdict

CI = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "replay.md").read_text(encoding="utf-8")
DEFAULTS = '[tool.wfctl.replay]\ntargets = ["orders.worker:make_worker"]\nhistories = ["tests/histories"]\n'
SLEEPING = GREETING.replace("        return await", "        await workflow.sleep(1)\n        return await")
WORKER = """
from temporalio.worker import Worker

from orders.flows import Greeting


def make_worker(client):
    return Worker(client, task_queue="orders", workflows=[Greeting])
"""


def blocks(page: str, language: str) -> list[str]:
    fences = re.findall(r"^```(\w*)\n(.*?)^```$", page, re.S | re.M)
    return [text for name, text in fences if name == language]


def documents() -> list[dict[str, Any]]:
    return [yaml.safe_load(block) for block in blocks(CI, "yaml")]


@pytest.fixture
def shop(project: Project) -> Project:
    """The project that docs/ci.md speaks of, with `wfctl` on PATH and a `pip` that has nothing to do."""
    project.write("pyproject.toml", DEFAULTS)
    project.write("orders/__init__.py", "")
    project.write("orders/flows.py", GREETING)
    project.write("orders/worker.py", WORKER)
    project.write("tests/histories/one.json", as_json(one_activity()))
    for name, text in (("wfctl", f'exec {sys.executable} -m wfctl "$@"'), ("pip", "exit 0")):
        project.write(f"bin/{name}", f"#!/bin/sh\n{text}\n").chmod(0o755)
    return project


def shell(shop: Project, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = f"{shop.root / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-e", "-c", script], cwd=shop.root, env=clean_environment(PATH=path, **environment),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


ORDER = """\
from datetime import timedelta

from temporalio import workflow

SOON = timedelta(minutes=1)


@workflow.defn
class Order:
    def __init__(self) -> None:
        self.paid = False

    @workflow.signal
    def pay(self) -> None:
        self.paid = True

    @workflow.run
    async def run(self, order: str) -> str:
        await workflow.execute_activity("reserve", order, start_to_close_timeout=SOON)
        await workflow.wait_condition(lambda: self.paid)
        return await workflow.execute_activity("ship", order, start_to_close_timeout=SOON)
"""


@activity.defn
async def reserve(order: str) -> None: ...


@activity.defn
async def ship(order: str) -> str:
    return f"shipped {order}"


async def two_orders(address: str, order: Any) -> None:
    """One paid and shipped, one that waits to be paid."""
    client = await Client.connect(address)
    async with Worker(
        client, task_queue="orders", workflows=[order], activities=[reserve, ship],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):  # fmt: skip
        for number, article in ((12, "mug"), (17, "lamp")):
            run = await client.start_workflow("Order", article, id=f"order-{number}", task_queue="orders")
            async for event in run.fetch_history_events(wait_new_event=True):
                if event.event_id == 10:  # the task after the first activity is done
                    break
            if number == 12:
                await run.signal("pay")
                await run.result()


def test_five_minutes_go_as_the_page_says(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command as it is printed, and what is printed under it."""
    page = textwrap.dedent(PAGE.partition("## In five minutes")[2].partition("## The code")[0].replace("\n   ", "\n"))
    install, record, check = blocks(page, "sh")
    recorded, passing, failing = blocks(page, "")
    shop.write("pyproject.toml", "")
    shop.write("orders/workflows.py", ORDER)
    shutil.rmtree(shop.root / "tests")
    namespace: dict[str, Any] = {"__name__": "orders_recorded"}
    monkeypatch.setitem(sys.modules, "orders_recorded", types.ModuleType("orders_recorded"))
    exec(compile(ORDER, "orders/workflows.py", "exec"), namespace)

    assert shell(shop, install).returncode == 0
    with running_server(shop.root) as server:
        asyncio.run(two_orders(server.address, namespace["Order"]))
        assert timeless(shell(shop, record.replace("localhost:7233", server.address)).stdout) == timeless(recorded)
    done = shell(shop, check)
    assert (done.returncode, timeless(done.stdout)) == (0, timeless(passing))
    shop.write(
        "orders/workflows.py", ORDER.replace("        return", "        await workflow.sleep(1)\n        return")
    )
    done = shell(shop, check)
    assert (done.returncode, timeless(done.stdout)) == (10, timeless(failing))
    shop.write("pyproject.toml", "".join(blocks(page, "toml")))
    assert timeless(shell(shop, "wfctl replay check").stdout) == timeless(failing)


def timeless(text: str) -> str:
    return re.sub(r"in \d+\.\d s", "in a moment", text)


def steps(document: dict[str, Any]) -> list[str]:
    if "jobs" in document:
        return [step["run"] for step in document["jobs"]["replay"]["steps"] if "run" in step]
    return list(document["replay"]["script"])


def test_the_defaults_shown_are_the_ones_tried() -> None:
    assert DEFAULTS in blocks(CI, "toml")


def test_the_github_workflow_passes_and_annotates_what_breaks(shop: Project) -> None:
    script = "\n".join(steps(documents()[0]))
    summary = shop.root / "summary.md"
    github = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary), "GITHUB_WORKSPACE": str(shop.root)}
    done = shell(shop, script, **github)
    assert done.returncode == 0, done.stderr
    assert {"replay.xml", "replay.sarif"} <= {path.name for path in shop.root.iterdir()}
    shop.write("orders/flows.py", SLEEPING)
    done = shell(shop, script, **github)
    assert done.returncode == 10
    assert "::error file=orders/flows.py,line=10,title=timer-added" in done.stdout
    assert "timer-added" in summary.read_text()
    shop.write("orders/flows.py", "import nosuch\n")
    done = shell(shop, script, **github)
    assert done.returncode == 17
    assert "::error file=orders/flows.py,line=1,title=the code could not be loaded::" in done.stdout
    assert "the code could not be loaded" in summary.read_text()


def test_the_production_workflow_is_a_command_line_that_wfctl_takes(shop: Project) -> None:
    (line,) = [step for step in steps(documents()[1]) if "replay check" in step]
    line = line.replace("${{ github.run_number }}", "7")
    done = shell(shop, f"{line} --client-connect-timeout 1s", TEMPORAL_ADDRESS="127.0.0.1:1")
    assert done.returncode == 4, done.stderr


def test_the_gitlab_job_writes_what_it_says(shop: Project) -> None:
    (job,) = [document["replay"] for document in documents() if "replay" in document]
    done = shell(shop, "\n".join(job["script"]))
    assert done.returncode == 0, done.stderr
    files = (*job["artifacts"]["paths"], job["artifacts"]["reports"]["junit"])
    assert all((shop.root / name).exists() for name in files)
    shop.write("orders/flows.py", SLEEPING)
    assert shell(shop, "\n".join(job["script"])).returncode == 10
    assert all("timer-added" in (shop.root / name).read_text() for name in files)


def test_the_exit_code_can_be_looked_at(shop: Project) -> None:
    script = blocks(CI, "sh")[-1]
    assert shell(shop, script).returncode == 0
    shop.write("tests/histories/other.json", as_json(one_activity("Farewell")))
    done = shell(shop, script)
    assert (done.returncode, "no longer has" in done.stdout) == (0, True)
    shop.write("orders/flows.py", SLEEPING)
    assert shell(shop, script).returncode == 10


def test_every_verdict_and_exit_code_is_in_the_page() -> None:
    for verdict in Verdict:
        assert f"| `{verdict.value}` |" in PAGE
    codes = {
        int(code) for code in re.findall(r"\b(0|1\d)\b", PAGE.partition("## Verdicts")[2].partition("## Reports")[0])
    }
    assert {int(code) for code in CheckExit} <= codes


def test_every_setting_is_in_the_page() -> None:
    listed = PAGE.partition("## All settings")[2]
    assert all(re.search(rf"\b{name}\b", listed) for name in settings.NAMES)


def test_links_between_the_pages_lead_somewhere() -> None:
    for page in (PAGE, CI):
        for link in re.findall(r"\]\(([^)#:]+)\)", page):
            assert (Path(ROOT) / "docs" / link).exists(), link
