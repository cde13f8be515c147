"""Every form of TARGET; and the user's own mistakes, shown as theirs with their line."""

from __future__ import annotations

import pytest

from tests.replay.building import GREETING, Project, one_activity

FACTORIES = """
from temporalio.client import Client
from temporalio.converter import DataConverter
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, Worker

from greeting import Greeting


async def main():
    client = await Client.connect("prod.example.com:7233", namespace="shop")
    async with Worker(client, task_queue="q", workflows=[Greeting], activities=[]) as worker:
        await worker.run()


def from_client(client):
    return Worker(client, task_queue="q", workflows=[Greeting], workflow_runner=UnsandboxedWorkflowRunner())


def replayer():
    return Replayer(workflows=[Greeting])


made = Replayer(workflows=[Greeting])
classes = [Greeting]


def config():
    return {"workflows": [Greeting], "workflow_runner": UnsandboxedWorkflowRunner()}


def broken():
    raise KeyError("no settings")


def nothing():
    return 7


number = 7
"""

OWN_CODEC = """
import dataclasses

from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.converter import DataConverter, PayloadCodec
from temporalio.worker import Worker

from greeting import Greeting


class Marking(PayloadCodec):
    async def encode(self, payloads):
        return [Payload(metadata=one.metadata, data=b"!" + one.data) for one in payloads]

    async def decode(self, payloads):
        assert all(one.data.startswith(b"!") for one in payloads)
        return [Payload(metadata=one.metadata, data=one.data[1:]) for one in payloads]


async def worker():
    converter = dataclasses.replace(DataConverter.default, payload_codec=Marking())
    client = await Client.connect("prod.example.com:7233", data_converter=converter)
    return Worker(client, task_queue="q", workflows=[Greeting])
"""


@pytest.fixture
def shop(greeting: Project) -> Project:
    """greeting.py, and a package with the same workflow under another type."""
    greeting.write("shop/__init__.py", "")
    greeting.write("shop/orders/__init__.py", "")
    greeting.write("shop/orders/flow.py", GREETING)
    greeting.write("shop/__main__.py", "raise SystemExit('never run')")
    greeting.write("factories.py", FACTORIES)
    return greeting


@pytest.mark.parametrize("target", [
    "greeting:Greeting", "greeting", "greeting.py", "greeting.py:Greeting", "./greeting.py", "shop", "shop/", "shop.orders",
    "shop.orders.flow:Greeting", "shop/orders/flow.py", "factories:main", "factories:from_client", "factories:replayer",
    "factories:made", "factories:classes", "factories:config",
])  # fmt: skip
def test_every_form_of_target_loads(shop: Project, target: str) -> None:
    done = shop.check(target, "--histories", "histories")
    assert (done.code, done.verdicts) == (0, ["compatible"]), done.err


@pytest.mark.parametrize("name", ["order-flow.py", "json.py", "workflow.py", "2flows.py"])
def test_a_file_may_have_any_name(greeting: Project, name: str) -> None:
    greeting.write(f"flows/{name}", GREETING)
    assert greeting.check(f"flows/{name}", "--histories", "histories").verdicts == ["compatible"]


def test_modules_are_found_in_src_and_where_path_says(greeting: Project) -> None:
    (greeting.root / "greeting.py").unlink()
    greeting.write("src/first.py", GREETING)
    greeting.write("lib/python/second.py", GREETING)
    assert greeting.check("first", "--histories", "histories").verdicts == ["compatible"]
    assert greeting.check("second", "--path", "lib/python", "--histories", "histories").verdicts == ["compatible"]


def test_a_worker_s_own_codec_decodes_its_histories(greeting: Project) -> None:
    text = greeting.history().read_text()
    greeting.write("histories/one.json", text.replace("IkFkYSI=", "ISJBZGEi").replace("IkhpIg==", "ISJIaSI="))
    greeting.write("encoding.py", OWN_CODEC)
    assert greeting.check("encoding:worker", "--histories", "histories").verdicts == ["compatible"]
    assert greeting.check("greeting", "--histories", "histories").verdicts == ["decode_error"]


@pytest.mark.parametrize(("target", "said"), [
    ("missing", "error: missing: there is no module 'missing'\nhint: the current directory and ./src are searched"),
    ("missing.py", "error: missing.py: there is no file 'missing.py'\nhint: paths are relative to /"),
    ("greetings", "error: greetings: there is no module 'greetings'\nhint: did you mean 'greeting'?"),
    ("shop.dep", "error: shop.dep: there is no module 'shop.dep'\nhint: did you mean 'shop.deep'?"),
    ("greetin.py", "error: greetin.py: there is no file 'greetin.py'\nhint: did you mean 'greeting.py'?"),
    ("greeting:Greting", "error: greeting:Greting: greeting has no 'Greting'\nhint: did you mean 'greeting:Greeting'? its workflows: Greeting"),
    ("factories:brokn", "error: factories:brokn: factories has no 'brokn'\nhint: did you mean 'factories:broken'?"),
    ("greeting:Nobody", "error: greeting:Nobody: greeting has no 'Nobody'\nhint: its workflows: Greeting"),
    ("factories:broken", "error: factories:broken: the factory raised: KeyError: 'no settings' at factories.py:"),
    ("factories:nothing", "error: factories:nothing: 'nothing' is neither a workflow class nor a function that makes a Worker, but int"),
    ("factories:number", "error: factories:number: 'number' is a int"),
    ("importing", "error: importing: its import failed: ModuleNotFoundError: No module named 'nosuch' at importing.py:1\n    import nosuch"),
    ("deep", "error: deep: its import failed: ZeroDivisionError: division by zero at shop/deep.py:2\n    1 / 0"),
    ("grammar.py", "error: grammar.py: its import failed: SyntaxError: "),
    ("leaving", "error: leaving: the process ended with exit code 3 while the code was imported"),
    ("exiting", "error: exiting: its import failed: SystemExit: 4 at exiting.py:1"),
    ("empty", "error: empty: there is no workflow in it\nhint: a workflow is a class with @workflow.defn"),
    ("invalid", "error: invalid: its import failed: ValueError: "),
])  # fmt: skip
def test_what_cannot_be_loaded_is_explained(shop: Project, target: str, said: str) -> None:
    shop.write("importing.py", "import nosuch\n")
    shop.write("deep.py", "import shop.deep\n")
    shop.write("shop/deep.py", "import json\n1 / 0\n")
    shop.write("grammar.py", "x = 1\ndef f(:\n    pass\n")
    shop.write("leaving.py", "import os\nos._exit(3)\n")
    shop.write("exiting.py", "raise SystemExit(4)\n")
    shop.write("empty.py", "x = 1\n")
    shop.write("invalid.py", "from temporalio import workflow\n\n@workflow.defn\nclass W:\n    pass\n")
    done = shop.check(target, "--histories", "histories")
    assert done.code == 17
    assert said in done.err
    assert "Traceback" not in done.err
    assert done.out == ""


def test_a_module_of_a_package_that_fails_does_not_take_the_others_with_it(shop: Project) -> None:
    shop.write("shop/billing.py", "import nosuch\n")
    shop.history("bill.json", one_activity("Billing"))
    done = shop.check("shop", "--histories", "histories")
    assert done.verdicts == ["unregistered", "compatible"]
    assert "it may be in a module that could not be loaded" in done.results[0]["detail"]
    assert done.results[0]["location"] == {
        "file": "shop/billing.py",
        "line": 1,
        "function": "<module>",
        "text": "import nosuch",
    }
    assert "warning: a module could not be loaded" in done.err


def test_a_green_check_is_not_green_when_a_module_could_not_be_loaded(shop: Project) -> None:
    shop.write("shop/billing.py", "import nosuch\n")
    assert shop.check("shop", "--histories", "histories").code == 17


def test_two_classes_of_one_type_are_a_mistake(shop: Project) -> None:
    done = shop.check("greeting", "shop", "--histories", "histories")
    assert done.code == 17
    assert "two classes are the workflow type 'Greeting'" in done.err
