"""Each rule with code that breaks it and code that does not."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest

from wfctl.replay import catalogue
from wfctl.replay.lint import reach
from wfctl.replay.lint.reach import Linted
from wfctl.replay.lint.rules import RULES
from wfctl.replay.model import Severity

HEADER = """\
from __future__ import annotations

import asyncio, concurrent.futures, datetime as dt, io, json, logging, os, pathlib, random, secrets, socket, subprocess
import sys, threading, time, uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import requests
from temporalio import activity, workflow

logger = logging.getLogger(__name__)
CACHE: dict[str, int] = {}
COUNT = 0
STARTED = time.time()
REGION = os.environ.get("REGION", "eu")
NAMES = ("a", "b")


@activity.defn
async def charge(order: str) -> str:
    requests.post("https://bank", json={"at": time.time()})
    return order


class Mailer:
    @activity.defn
    async def send(self, to: str) -> None: ...


"""


def lint(tmp_path: Path, body: str, *, top: str = "", handlers: str = "") -> Linted:
    """Lint a workflow whose run method has this body."""
    source = HEADER + dedent(top) + "\n\n@workflow.defn\nclass Flow:\n    def __init__(self) -> None:\n"
    source += "        self.items: list[str] = []\n        self.seen: set[str] = set()\n        self.count = 0\n\n"
    source += "    @workflow.run\n    async def run(self, order: str, names: list[str]) -> None:\n"
    source += indent(dedent(body).strip("\n"), " " * 8) + "\n\n" + indent(dedent(handlers), " " * 4)
    file = tmp_path / "flow.py"
    file.write_text(source)
    return reach.lint([str(file)])


def rules(linted: Linted) -> list[str]:
    return [finding.rule for finding in linted.findings]


BAD = [
    ("time", "started = time.time()"),
    ("time", "started = datetime.now()"),
    ("time", "started = datetime.now(dt.timezone.utc)"),
    ("time", "started = dt.datetime.utcnow()"),
    ("time", "day = dt.date.today()"),
    ("time", "started = time.monotonic()"),
    ("time", "stamp = time.strftime('%Y')"),
    ("time", "now = datetime.now\nstarted = now()"),
    ("time", "from time import perf_counter as clock\nstarted = clock()"),
    ("time", "deadline = (datetime.now() + timedelta(days=1)).timestamp()"),
    ("time", "if STARTED > 5:\n    await workflow.sleep(1)"),
    ("time", "key = lambda: time.time()\nkey()"),
    ("time", "stamps = [time.time_ns() for _ in names]"),
    ("sleep", "time.sleep(1)"),
    ("random", "n = random.randint(1, 6)"),
    ("random", "random.shuffle(names)"),
    ("random", "rng = random.Random()"),
    ("random", "pick = min(names, key=random.random)"),
    ("random", "from random import choice\nname = choice(names)"),
    ("uuid", "id = uuid.uuid4()"),
    ("uuid", "id = str(uuid4())"),
    ("uuid", "id = uuid.uuid1().hex"),
    ("secrets", "token = secrets.token_hex()"),
    ("secrets", "token = os.urandom(8)"),
    ("secrets", "rng = random.SystemRandom()"),
    ("threads", "threading.Thread(target=print).start()"),
    ("threads", "await asyncio.to_thread(len, names)"),
    ("threads", "with concurrent.futures.ThreadPoolExecutor() as pool:\n    pool.submit(len, names)"),
    ("threads", "loop = asyncio.get_running_loop()\nawait loop.run_in_executor(None, len, names)"),
    ("threads", "await asyncio.get_event_loop().run_in_executor(None, len, names)"),
    ("io", "with open('f') as file:\n    text = file.read()"),
    ("io", "text = Path('f').read_text()"),
    ("io", "path = Path('f')\nif path.exists():\n    pass"),
    ("io", "found = os.listdir('.')"),
    ("io", "found = os.path.exists('f')"),
    ("io", "name = input()"),
    ("network", "requests.get('https://x')"),
    ("network", "async with httpx.AsyncClient() as client:\n    await client.get('https://x')"),
    ("network", "session = requests.Session()\nsession.get('https://x')"),
    ("network", "socket.create_connection(('x', 1))"),
    ("network", "import urllib.request\nurllib.request.urlopen('https://x')"),
    ("network", "import aiohttp\nasync with aiohttp.ClientSession() as s:\n    pass"),
    ("process", "subprocess.run(['ls'])"),
    ("process", "os.system('ls')"),
    ("environment", "region = os.environ['REGION']"),
    ("environment", "region = os.environ.get('REGION')"),
    ("environment", "region = os.getenv('REGION')"),
    ("environment", "if os.cpu_count() > 2:\n    pass"),
    ("environment", "name = sys.argv[0]"),
    ("environment", "import platform\nname = platform.node()"),
    ("asyncio", "await asyncio.wait([asyncio.sleep(1)])"),
    ("asyncio", "for task in asyncio.as_completed([]):\n    await task"),
    ("asyncio", "asyncio.run(asyncio.sleep(1))"),
    ("asyncio", "await asyncio.open_connection('x', 1)"),
    ("set-order", "for name in set(names):\n    await workflow.execute_activity(charge, name)"),
    ("set-order", "for name in {'a', 'b'}:\n    await workflow.execute_activity(charge, name)"),
    ("set-order", "for name in self.seen:\n    await workflow.execute_activity(charge, name)"),
    ("set-order", "todo = set(names) - self.seen\nfor name in todo:\n    await workflow.execute_activity(charge, name)"),
    ("set-order", "await asyncio.gather(*(workflow.execute_activity(charge, n) for n in set(names)))"),
    ("set-order", "await asyncio.gather(*[workflow.execute_activity(charge, n) for n in {*names}])"),
    ("set-order", "first = list(set(names))[0]"),
    ("set-order", "name = self.seen.pop()"),
    ("set-order", "text = ', '.join({n for n in names})"),
    ("set-order", "a = {n: 1 for n in names}\nfor name in a.keys() & self.seen:\n    self.items.append(name)"),
    ("set-order", "name = next(iter(self.seen))"),
    ("set-order", "first, second = {order, 'x'}"),
    ("set-order", "for i, name in enumerate(frozenset(names)):\n    self.items.append(name)"),
    ("hash", "bucket = hash(order) % 10"),
    ("hash", "key = id(self)"),
    ("global-state", "global COUNT\nCOUNT += 1"),
    ("global-state", "CACHE[order] = 1"),
    ("global-state", "CACHE.update(a=1)"),
    ("global-state", "CACHE.setdefault(order, 1)"),
    ("global-state", "del CACHE[order]"),
    ("global-state", "Flow.total = 1"),
    ("global-state", "type(self).total = 1"),
    ("global-state", "self.__class__.total += 1"),
    ("direct-activity", "await charge(order)"),
    ("direct-activity", "await asyncio.gather(charge(order), charge(order))"),
    ("direct-activity", "await Mailer().send(order)"),
    ("direct-activity", "mailer = Mailer()\nawait mailer.send(order)"),
    ("patch-reused", "if workflow.patched('a'):\n    pass\nawait workflow.sleep(1)\nif workflow.patched('a'):\n    pass"),
    ("patch-contradiction", "if workflow.patched('a'):\n    pass\nworkflow.deprecate_patch('a')"),
    ("replaying-command", "if not workflow.unsafe.is_replaying():\n    await workflow.execute_activity(charge, order)"),
    ("replaying-command", "if workflow.unsafe.is_replaying():\n    return\nawait workflow.sleep(1)"),
    ("logging", "print('hello')"),
    ("logging", "logger.info('hello')"),
    ("logging", "logging.warning('hello')"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "body"), BAD, ids=[f"{rule}-{number}" for number, (rule, _) in enumerate(BAD)])
def test_code_that_breaks_a_rule_is_found(tmp_path: Path, rule: str, body: str) -> None:
    found = lint(tmp_path, body)
    assert set(rules(found)) == {rule}
    for finding in found.findings:
        assert finding.severity is RULES[rule].severity
        assert finding.fix


GOOD = [
    "started = workflow.now()\nseconds = workflow.time()",
    "n = workflow.random().randint(1, 6)",
    "random = workflow.random()\nn = random.choice(names)",
    "rng = random.Random(42)\nn = rng.random()",
    "id = workflow.uuid4()",
    "id = uuid.uuid5(uuid.NAMESPACE_DNS, order)\nsame = uuid.UUID(str(id))",
    "time = workflow.time\nstarted = time()",
    "def now() -> float:\n    return workflow.time()\nstarted = now()",
    "deadline = workflow.now() + timedelta(days=1)\nday = datetime(2030, 1, 1)\nother = datetime.fromisoformat(order)",
    "await asyncio.sleep(1)\nawait workflow.sleep(1)",
    "await asyncio.gather(*(workflow.execute_activity(charge, n) for n in names))",
    "task = asyncio.create_task(asyncio.sleep(1))\nawait asyncio.wait_for(task, 5)",
    "done, pending = await workflow.wait([asyncio.create_task(asyncio.sleep(1))])",
    "lock = asyncio.Lock()\nqueue: asyncio.Queue[str] = asyncio.Queue()\nasync with lock:\n    queue.put_nowait('x')",
    "async with asyncio.timeout(5):\n    await workflow.wait_condition(lambda: self.count > 0)",
    "for name in sorted(set(names)):\n    await workflow.execute_activity(charge, name)",
    "for name in dict.fromkeys(names):\n    await workflow.execute_activity(charge, name)",
    "if order in self.seen:\n    return\nself.seen.add(order)",
    "total = 0\nfor name in set(names):\n    total += len(name)",
    "for number in {1, 2, 3}:\n    await workflow.execute_activity(charge, str(number))",
    "for number in set(range(3)):\n    await workflow.execute_activity(charge, str(number))",
    "unique = set(names)\nunique = sorted(unique)\nfor name in unique:\n    await workflow.execute_activity(charge, name)",
    "longest = max(set(names), key=len)\nmany = len(set(names))\nevery = all(n for n in set(names))",
    "names = sorted(n for n in {*names} if n)",
    "path = Path('a') / 'b'\nname = os.path.join('a', 'b')\nsuffix = path.suffix",
    "text = json.dumps({'a': 1})\nbuffer = io.StringIO()",
    "def open(name: str) -> str:\n    return name\nopen('f')",
    "await workflow.execute_activity(charge, order, start_to_close_timeout=timedelta(seconds=5))",
    "await workflow.execute_activity_method(Mailer.send, order, start_to_close_timeout=timedelta(seconds=5))",
    "step = charge\nawait workflow.execute_activity(step, order, start_to_close_timeout=timedelta(seconds=5))",
    "workflow.logger.info('hello')",
    "if not workflow.unsafe.is_replaying():\n    logger.info('hello')\n    print(time.time())",
    "replaying = workflow.unsafe.is_replaying()\nif not replaying:\n    print('hello')",
    "if workflow.in_workflow():\n    now = workflow.now()\nelse:\n    now = datetime.now()",
    "try:\n    await workflow.sleep(1)\nexcept (requests.HTTPError, httpx.HTTPError, OSError):\n    pass",
    "if isinstance(order, socket.socket):\n    pass",
    "if workflow.patched('a'):\n    pass\nif workflow.patched('b'):\n    pass",
    "for n in names:\n    if workflow.patched(f'a-{n}'):\n        pass",
    "CACHE_HERE: dict[str, int] = {}\nCACHE_HERE[order] = 1\nself.items.append(order)\nself.count += 1",
    "size = CACHE.get(order, 0) + len(NAMES)",
    "level = logging.INFO\nstatus = requests.codes.ok",
    "print = workflow.logger.info\nprint('hello')",
]  # fmt: skip


@pytest.mark.parametrize("body", GOOD, ids=[str(number) for number in range(len(GOOD))])
def test_code_that_is_right_is_left_alone(tmp_path: Path, body: str) -> None:
    assert [f"{finding.location.line}: {finding.message}" for finding in lint(tmp_path, body).findings] == []


def test_what_workflows_do_not_reach_is_left_alone(tmp_path: Path) -> None:
    top = """
        async def main() -> None:
            print(time.time(), await charge("x"))
            threading.Thread(target=print).start()

        class Service:
            def now(self) -> datetime:
                return datetime.now()

        if __name__ == "__main__":
            asyncio.run(main())
    """
    assert rules(lint(tmp_path, "await workflow.sleep(1)", top=top)) == []


def test_a_value_that_was_worked_out_at_import_is_found_where_it_is_used(tmp_path: Path) -> None:
    found = lint(tmp_path, "limit = STARTED + 5\nplace = REGION")
    assert [(one.rule, one.severity) for one in found.findings] == [
        ("time", Severity.ERROR),
        ("environment", Severity.WARNING),
    ]
    assert found.findings[0].location.text == "STARTED = time.time()"
    assert found.findings[0].chain[0].text == "limit = STARTED + 5"


def test_a_function_that_is_only_named_is_not_run_and_a_callback_is(tmp_path: Path) -> None:
    top = """
        def stamp(name: str) -> str:
            return name + str(time.time())

        def tool(name: str):
            if name == "stamp":
                return stamp
            return {"stamp": stamp}.get(name)
    """
    assert rules(lint(tmp_path, "known = tool(order) is not None", top=top)) == []
    assert rules(lint(tmp_path, "await workflow.execute_activity(stamp, order)", top=top)) == []
    assert rules(lint(tmp_path, "names = list(map(stamp, names))", top=top)) == ["time"]
    assert rules(lint(tmp_path, "names.sort(key=stamp)", top=top)) == ["time"]
    assert rules(lint(tmp_path, "make = stamp\nmake(order)", top=top)) == ["time"]


def test_a_condition_and_a_property_are_run(tmp_path: Path) -> None:
    handlers = """
        @property
        def late(self) -> bool:
            return time.time() > 5

        def done(self) -> bool:
            return datetime.now() > self.end
    """
    assert rules(lint(tmp_path, "self.items = [] if self.late else ['x']", handlers=handlers)) == ["time"]
    assert rules(lint(tmp_path, "await workflow.wait_condition(self.done)", handlers=handlers)) == ["time"]


def test_the_default_factory_of_a_field_runs_where_the_object_is_made(tmp_path: Path) -> None:
    top = """
        @dataclass
        class Order:
            id: str = field(default_factory=lambda: str(uuid4()))
            at: float = field(default_factory=time.time)
    """
    assert sorted(rules(lint(tmp_path, "order = Order()", top=top))) == ["time", "uuid"]


def test_a_method_of_an_argument_is_followed_by_its_annotation(tmp_path: Path) -> None:
    top = """
        class Order:
            def age(self) -> float:
                return time.time()
    """
    handlers = """
        @workflow.signal
        def add(self, order: Order) -> None:
            self.count = order.age()
    """
    found = lint(tmp_path, "pass", top=top, handlers=handlers)
    assert [(one.rule, one.chain[0].function) for one in found.findings] == [("time", "Flow.add")]


def test_a_query_that_makes_commands_or_changes_state_is_found(tmp_path: Path) -> None:
    handlers = """
        @workflow.query
        def status(self) -> int:
            self.count += 1
            self.items.append("asked")
            return self.count

        @workflow.query
        def ask(self) -> str:
            workflow.upsert_memo({"a": 1})
            return "x"

        @workflow.update
        def put(self, name: str) -> None:
            self.items.append(name)

        @put.validator
        def check_put(self, name: str) -> None:
            self._note(name)

        def _note(self, name: str) -> None:
            self.seen.add(name)
    """
    found = lint(tmp_path, "pass", handlers=handlers)
    assert rules(found) == ["query-mutation", "query-mutation", "query-command", "query-mutation"]


def test_a_query_that_only_reads_is_right(tmp_path: Path) -> None:
    handlers = """
        @workflow.query
        def status(self) -> list[str]:
            found = list(self.items)
            found.append("x")
            return sorted(self.seen) + found
    """
    assert rules(lint(tmp_path, "pass", handlers=handlers)) == []


def test_the_order_of_a_querys_answer_does_not_matter(tmp_path: Path) -> None:
    handlers = """
        @workflow.query
        def names(self) -> list[str]:
            print("asked")
            return list(self.seen)
    """
    assert rules(lint(tmp_path, "pass", handlers=handlers)) == []


def test_what_a_star_brings_in_is_known(tmp_path: Path) -> None:
    (tmp_path / "helpers.py").write_text("import time\n\ndef stamp() -> float:\n    return time.time()\n")
    found = lint(tmp_path, "stamp()\nn = randint(1, 6)", top="from helpers import *\nfrom random import *")
    assert sorted(rules(found)) == ["random", "time"]


def test_a_module_of_ones_own_may_have_the_name_of_a_library(tmp_path: Path) -> None:
    (tmp_path / "redis.py").write_text("def key(name: str) -> str:\n    return name\n")
    assert rules(lint(tmp_path, "redis.key(order)", top="import redis")) == []


def test_defaults_that_a_model_copies_are_not_shared(tmp_path: Path) -> None:
    top = """
        from pydantic import BaseModel

        class State(BaseModel):
            items: list[str] = []

        class Plain:
            items: list[str] = []
    """
    assert rules(lint(tmp_path, "state = State()\nstate.items.append(order)", top=top)) == []
    assert rules(lint(tmp_path, "plain = Plain()\nplain.items.append(order)", top=top)) == ["global-state"]


@pytest.mark.parametrize(
    ("imports", "prefix"),
    [
        ("from temporalio.workflow import defn, run", ""),
        ("import temporalio.workflow as wf", "wf."),
        ("import temporalio.workflow", "temporalio.workflow."),
        ("from temporalio import workflow as w", "w."),
    ],
)
def test_workflows_are_known_however_they_are_imported(tmp_path: Path, imports: str, prefix: str) -> None:
    source = f"import time\n{imports}\n\n@{prefix}defn\nclass Flow:\n    @{prefix}run\n"
    (tmp_path / "flow.py").write_text(source + "    async def run(self) -> None:\n        time.time()\n")
    assert rules(reach.lint([str(tmp_path / "flow.py")])) == ["time"]


def test_a_mutable_class_attribute_is_shared_unless_instances_get_their_own(tmp_path: Path) -> None:
    shared = "history: list[str] = []\n"
    assert rules(lint(tmp_path, "self.history.append(order)", handlers=shared)) == ["global-state"]
    assert rules(lint(tmp_path, "self.history = []\nself.history.append(order)", handlers=shared)) == []


def test_every_rule_tells_why_and_what_to_do() -> None:
    for rule in RULES.values():
        assert rule.title
        assert rule.explanation
        assert rule.fix
        assert rule.id not in catalogue.RULES, "`replay explain` knows both"
    broken = {rule for rule, _ in BAD} | {"query-command", "query-mutation", "ignore", "syntax"}
    assert broken == set(RULES), "every rule has a bad example"


def test_functions_in_a_kept_table_are_run_and_activities_in_one_are_not(tmp_path: Path) -> None:
    top = """
        def stamp(name: str) -> float:
            return time.time()

        async def plain(name: str) -> str:
            return name

        STEPS = {"stamp": stamp}
        HARMLESS = [plain]
        ACTIVITIES = {"charge": charge}
    """
    assert rules(lint(tmp_path, "STEPS[order](order)", top=top)) == ["time"]
    assert rules(lint(tmp_path, "for step in [*STEPS.values()]:\n    step(order)", top=top)) == ["time"]
    assert rules(lint(tmp_path, "self.steps = [stamp]\nself.steps[0](order)", top=top)) == ["time"]
    assert rules(lint(tmp_path, "await HARMLESS[0](order)", top=top)) == []
    assert rules(lint(tmp_path, "await workflow.execute_activity(ACTIVITIES[order], order)", top=top)) == []
    assert rules(lint(tmp_path, "await ACTIVITIES[order](order)", top=top)) == ["direct-activity"]


def test_a_function_with_arguments_bound_beforehand_is_run(tmp_path: Path) -> None:
    top = """
        from functools import partial

        def stamp(name: str) -> float:
            return time.time()

        stamped = partial(stamp, "a")
        start = partial(workflow.execute_activity, start_to_close_timeout=timedelta(seconds=1))
    """
    assert rules(lint(tmp_path, "stamped()", top=top)) == ["time"]
    assert rules(lint(tmp_path, "await start(charge, order)", top=top)) == []


def test_a_path_put_together_is_read_like_any_other(tmp_path: Path) -> None:
    assert rules(lint(tmp_path, 'file = Path(order) / "a"\ntext = file.read_text()')) == ["io"]
    assert rules(lint(tmp_path, 'name = (Path(order) / "a").name')) == []


def test_workflows_inside_of_functions_and_classes_are_linted(tmp_path: Path) -> None:
    file = tmp_path / "inside.py"
    file.write_text(
        dedent(
            """
            import random, time, uuid
            from temporalio import workflow

            def make(name: str) -> type:
                def draw() -> float:
                    return random.random()

                @workflow.defn(name=name)
                class Inner:
                    @workflow.run
                    async def run(self) -> float:
                        return draw()

                return Inner

            class Outer:
                @workflow.defn
                class Inner:
                    @workflow.run
                    async def run(self) -> str:
                        return self.name()

                    def name(self) -> str:
                        return str(uuid.uuid4())

            def test_it() -> None:
                @workflow.defn
                class Inner:
                    @workflow.run
                    async def run(self) -> float:
                        return time.time()
            """
        )
    )
    assert sorted(rules(reach.lint([str(file)]))) == ["random", "time", "uuid"]
