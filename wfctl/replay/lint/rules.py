"""The rules of the lint, and the tables that say which name breaks which rule.

An id never changes its meaning and is never reused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from wfctl.replay.catalogue import Rule
from wfctl.replay.model import Severity

_ACTIVITY = "Do it in an activity, whose result is recorded."

RULES: Mapping[str, Rule] = {
    rule.id: rule
    for rule in (
        Rule(
            "time",
            Severity.ERROR,
            "The machine's clock is read in workflow code",
            "",
            "A replay happens later: the clock says something else, and what depends on it goes another way.",
            "Use workflow.now(), or workflow.time() for seconds; both are part of the history.",
        ),
        Rule(
            "sleep",
            Severity.ERROR,
            "time.sleep() in workflow code",
            "",
            "It blocks the worker's event loop, makes no timer, and is detected as a deadlock after two seconds.",
            "Use `await workflow.sleep(…)` or `await asyncio.sleep(…)`, which start a durable timer.",
        ),
        Rule(
            "random",
            Severity.ERROR,
            "Random numbers that the workflow does not own",
            "",
            "A replay draws other numbers.",
            "Use workflow.random(), which is seeded from the run; or random.Random(SEED) with a seed of your own.",
        ),
        Rule(
            "uuid",
            Severity.ERROR,
            "A random id that the workflow does not own",
            "",
            "A replay makes another id.",
            "Use workflow.uuid4(), or uuid.uuid5() from values the workflow knows.",
        ),
        Rule(
            "secrets",
            Severity.ERROR,
            "Entropy of the operating system in workflow code",
            "",
            "A replay gets other bytes; and what a workflow makes is readable in its history.",
            f"Use workflow.random() or workflow.uuid4() where secrecy does not matter. Where it does: {_ACTIVITY[0].lower()}{_ACTIVITY[1:]}",
        ),
        Rule(
            "threads",
            Severity.ERROR,
            "Threads or processes in workflow code",
            "",
            "What other threads do, and when, is not recorded, and the workflow API does not work in them.",
            f"Use asyncio tasks for concurrency inside the workflow. {_ACTIVITY}",
        ),
        Rule(
            "io",
            Severity.ERROR,
            "Files in workflow code",
            "",
            "What a file holds is not recorded, and reading it blocks the worker.",
            _ACTIVITY,
        ),
        Rule(
            "network",
            Severity.ERROR,
            "Network or database access in workflow code",
            "",
            "The answer is not recorded, it is asked for again by each replay, and waiting for it blocks the worker.",
            _ACTIVITY,
        ),
        Rule(
            "process",
            Severity.ERROR,
            "Another program, or this one's process, in workflow code",
            "",
            "What it does is not recorded, and it is done again by each replay.",
            _ACTIVITY,
        ),
        Rule(
            "environment",
            Severity.ERROR,
            "The machine or its environment is read in workflow code",
            "",
            "The replay may run on another machine, or after a change of configuration.",
            "Pass the value in as an argument of the workflow, or read it in an activity.",
        ),
        Rule(
            "asyncio",
            Severity.ERROR,
            "An asyncio function that is unsafe in workflows",
            "",
            "The workflow's event loop has timers, tasks and futures only; asyncio.wait() and as_completed() go through sets, "
            "whose order changes.",
            "Use workflow.wait(), workflow.as_completed(), asyncio.gather(), asyncio.create_task(); for the rest an activity.",
        ),
        Rule(
            "set-order",
            Severity.ERROR,
            "A set is gone through in its own order",
            "",
            "The order of a set of strings changes from process to process, so commands and results change places.",
            "Go through sorted(…), or keep a list or a dict, which keep their order.",
        ),
        Rule(
            "hash",
            Severity.ERROR,
            "hash() or id() in workflow code",
            "",
            "Hashes of strings and identities of objects change from process to process.",
            "Use hashlib, or uuid.uuid5(), on the value.",
        ),
        Rule(
            "global-state",
            Severity.ERROR,
            "Workflow code changes state that outlives the run",
            "",
            "A global, class attribute or module variable is shared between runs when the sandbox is off or passes the module "
            "through; a replay then finds it as other runs have left it.",
            "Keep it in self, or pass it as an argument.",
        ),
        Rule(
            "direct-activity",
            Severity.ERROR,
            "An activity is called directly",
            "",
            "It runs inside the workflow: without retries, timeouts or a record, again at each replay.",
            "Use `await workflow.execute_activity(FUNCTION, …, start_to_close_timeout=…)`.",
        ),
        Rule(
            "patch-reused",
            Severity.WARNING,
            "One patch id at several places",
            "",
            "All places of one id are answered alike, for good. Right for one change that has several places; a second change "
            "under the id of an earlier one breaks the runs in between.",
            "Give each change an id of its own. Where one change has several places, ask once and keep the answer.",
        ),
        Rule(
            "patch-contradiction",
            Severity.ERROR,
            "A patch id is both asked for and deprecated",
            "",
            "deprecate_patch() says that no run without the patch is left; patched() still cares for such runs.",
            "Keep patched() until those runs are gone, then only deprecate_patch().",
        ),
        Rule(
            "query-command",
            Severity.ERROR,
            "A query or validator makes commands",
            "",
            "Queries and validators are not recorded and may run at any time; the SDK refuses commands in them.",
            "Make it a signal or an update.",
        ),
        Rule(
            "query-mutation",
            Severity.ERROR,
            "A query or validator changes the workflow's state",
            "",
            "It is not recorded, so a replay does not see the change.",
            "Make it a signal or an update.",
        ),
        Rule(
            "replaying-command",
            Severity.ERROR,
            "Commands depend on is_replaying()",
            "",
            "What is only done live is missing in the replay.",
            "Use workflow.patched() for changes; is_replaying() is for logs and metrics only.",
        ),
        Rule(
            "logging",
            Severity.NOTE,
            "A log line that does not go through workflow.logger",
            "",
            "It is written again at each replay.",
            "Use workflow.logger, which is silent in replays and knows the run.",
        ),
        Rule(
            "ignore",
            Severity.WARNING,
            "An ignore comment that does nothing",
            "",
            "It names no rule, gives no reason, or there is nothing to ignore.",
            "Write `# wfctl: ignore[RULE] reason`, or take it away.",
        ),
        Rule(
            "syntax",
            Severity.ERROR,
            "A module cannot be parsed",
            "",
            "What it does is not known.",
            "Correct it.",
        ),
    )
}


def _words(text: str) -> list[str]:
    return text.split()


# Module members that are flagged, as plain references too. `name()` means: only when called without arguments.
_MEMBERS: Mapping[str, Mapping[str, str]] = {
    "time": {
        "time": "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns process_time process_time_ns thread_time "
        "thread_time_ns clock_gettime clock_gettime_ns localtime() gmtime() ctime() asctime()",
        "sleep": "sleep",
    },
    "datetime": {"time": "datetime.now datetime.utcnow datetime.today date.today datetime.datetime.now"},
    "pendulum": {"time": "now today yesterday tomorrow"},
    "arrow": {"time": "now utcnow"},
    "pandas": {"time": "Timestamp.now Timestamp.today Timestamp.utcnow"},
    "django.utils.timezone": {"time": "now localtime() localdate()"},
    "random": {
        "random": "random randint randrange choice choices sample shuffle uniform triangular betavariate binomialvariate "
        "expovariate gammavariate gauss lognormvariate normalvariate vonmisesvariate paretovariate weibullvariate getrandbits "
        "randbytes seed getstate setstate Random()",
        "secrets": "SystemRandom",
    },
    "uuid": {"uuid": "uuid1 uuid4 uuid6 uuid7 uuid8 getnode"},
    "ulid": {"uuid": "new ULID()"},
    "nanoid": {"uuid": "generate"},
    "shortuuid": {"uuid": "uuid random"},
    "secrets": {"secrets": "*"},
    "os": {
        "secrets": "urandom getrandom",
        "environment": "environ environb getenv getenvb putenv unsetenv getpid getppid getlogin getuid geteuid getgid uname "
        "cpu_count process_cpu_count getloadavg getcwd getcwdb times",
        "process": "system popen fork forkpty kill killpg abort _exit wait waitpid execv execve execvp execvpe execl execle "
        "execlp spawnv spawnve spawnl spawnle posix_spawn nice",
        "io": "open read write close listdir scandir walk fwalk stat lstat access chmod chown mkdir makedirs remove removedirs "
        "rename renames replace rmdir unlink symlink link readlink truncate utime chdir sync pipe statvfs path.exists "
        "path.isfile path.isdir path.getsize path.getmtime path.getatime path.getctime path.islink path.realpath "
        "path.expanduser path.samefile",
    },
    "pathlib": {
        "io": " ".join(
            f"Path.{name}"
            for name in _words("chmod cwd exists expanduser glob hardlink_to home is_dir is_file is_mount is_symlink iterdir lchmod "
            "lstat mkdir open owner group read_bytes read_text readlink rename replace resolve rglob rmdir samefile stat "
            "symlink_to touch unlink walk write_bytes write_text")
        )
    },
    "io": {"io": "open open_code FileIO"},
    "codecs": {"io": "open"},
    "gzip": {"io": "open GzipFile"},
    "bz2": {"io": "open BZ2File"},
    "lzma": {"io": "open LZMAFile"},
    "tarfile": {"io": "open"},
    "zipfile": {"io": "ZipFile"},
    "builtins": {"io": "open input", "hash": "hash id", "logging": "print", "process": "breakpoint exit quit"},
    "sys": {"environment": "argv stdin", "process": "exit", "logging": "stdout.write stderr.write"},
    "concurrent.futures": {"threads": "ThreadPoolExecutor ProcessPoolExecutor InterpreterPoolExecutor wait as_completed"},
    "asyncio": {
        "threads": "to_thread run_coroutine_threadsafe",
        "asyncio": "wait as_completed run Runner new_event_loop set_event_loop open_connection open_unix_connection start_server "
        "start_unix_server",
        "process": "create_subprocess_exec create_subprocess_shell subprocess.create_subprocess_exec "
        "subprocess.create_subprocess_shell",
    },
    "logging": {
        "logging": "debug info warning warn error exception critical log getLogger.debug getLogger.info getLogger.warning "
        "getLogger.warn getLogger.error getLogger.exception getLogger.critical getLogger.log Logger.debug Logger.info "
        "Logger.warning Logger.error Logger.exception Logger.critical Logger.log"
    },
    "structlog": {
        "logging": " ".join(
            f"{make}.{level}"
            for make in ("get_logger", "getLogger")
            for level in _words("debug info warning warn error exception critical log msg")
        )
    },
    "loguru": {
        "logging": "logger.trace logger.debug logger.info logger.success logger.warning logger.error logger.critical "
        "logger.exception logger.log"
    },
    "warnings": {"logging": "warn"},
}  # fmt: skip

# Modules of which any call is flagged.
_WHOLE: Mapping[str, str] = {
    "threads": "threading _thread multiprocessing joblib",
    "process": "subprocess signal pty sh",
    "environment": "platform getpass locale dotenv",
    "io": "shutil tempfile glob fileinput filecmp shelve dbm mmap select selectors aiofiles",
    "random": "numpy.random",
    "network": "socket socketserver ssl requests httpx aiohttp urllib.request urllib3 http.client http.server ftplib smtplib "
    "poplib imaplib xmlrpc telnetlib webbrowser grpc websocket websockets boto3 botocore aioboto3 psycopg psycopg2 asyncpg "
    "pymysql aiomysql MySQLdb sqlite3 aiosqlite redis pymongo motor elasticsearch kafka aiokafka confluent_kafka pika aio_pika "
    "openai anthropic google.cloud azure stripe twilio paramiko sqlalchemy.create_engine sqlalchemy.orm.Session "
    "sqlalchemy.ext.asyncio.create_async_engine",
}

# Parts of those modules that touch nothing: exceptions, types, constants.
_HARMLESS = frozenset(
    {
        "socket.inet_aton", "socket.inet_ntoa", "socket.htons", "socket.ntohs", "signal.Signals", "numpy.random.Generator",
        "threading.TIMEOUT_MAX", "subprocess.list2cmdline", "grpc.StatusCode", "glob.escape", "shutil.ReadError",
        "httpx.URL", "httpx.Timeout", "httpx.Limits", "httpx.codes", "requests.codes", "aiohttp.ClientTimeout",
        "locale.Error", "requests.utils", "http.client.responses",
    }
)  # fmt: skip

# What a loop (asyncio.get_event_loop(), get_running_loop()) cannot do in a workflow.
LOOP_METHODS: Mapping[str, str] = {
    "run_in_executor": "threads",
    "set_default_executor": "threads",
    "call_soon_threadsafe": "threads",
    "add_signal_handler": "asyncio",
    "add_reader": "asyncio",
    "add_writer": "asyncio",
    "run_until_complete": "asyncio",
    "run_forever": "asyncio",
    "create_connection": "network",
    "create_server": "network",
    "create_datagram_endpoint": "network",
    "getaddrinfo": "network",
    "getnameinfo": "network",
    "sock_recv": "network",
    "sock_sendall": "network",
    "sock_connect": "network",
    "subprocess_exec": "process",
    "subprocess_shell": "process",
}
_LOOPS = ("asyncio.get_event_loop", "asyncio.get_running_loop", "asyncio.AbstractEventLoop")
_WORKFLOW = "temporalio.workflow."

COMMANDS = frozenset(
    _WORKFLOW + name
    for name in _words(
        "execute_activity start_activity execute_activity_method start_activity_method execute_activity_class "
        "start_activity_class execute_local_activity start_local_activity execute_local_activity_method "
        "start_local_activity_method execute_local_activity_class start_local_activity_class execute_child_workflow "
        "start_child_workflow sleep continue_as_new upsert_search_attributes upsert_memo patched deprecate_patch"
    )
)

# Third-party names that stand for a call whose effect is one of the rules, as in `numpy as np`.
_ALIASES = {"datetime.datetime.datetime": "datetime.datetime"}


@dataclass(frozen=True, slots=True)
class Match:
    """A name that breaks a rule. `bare`: a mere mention counts; `unless_given`: arguments make it harmless."""

    rule: str
    bare: bool = True
    unless_given: bool = False


@cache
def _members() -> dict[str, Match]:
    table: dict[str, Match] = {}
    for module, by_rule in _MEMBERS.items():
        for rule, names in by_rule.items():
            for name in names.split():
                plain = name.removesuffix("()")
                called_only = module in ("builtins", "zipfile", "concurrent.futures") or rule == "logging"
                table[f"{module}.{plain}"] = Match(rule, not called_only and plain == name, plain != name)
    return table


@cache
def _whole() -> dict[str, str]:
    return {module: rule for rule, modules in _WHOLE.items() for module in modules.split()}


def match(dotted: str) -> Match | None:
    """What is wrong with calling, or mentioning, this name."""
    for long, short in _ALIASES.items():
        if dotted.startswith(long):
            dotted = short + dotted.removeprefix(long)
    found = _members().get(dotted)
    if found is not None:
        return found
    base, _, method = dotted.rpartition(".")
    if base in _LOOPS and method in LOOP_METHODS:
        return Match(LOOP_METHODS[method])
    if _members().get(f"{base}.*") is not None and method != "compare_digest":
        return Match(_members()[f"{base}.*"].rule)
    return _of_module(dotted)


def _of_module(dotted: str) -> Match | None:
    if any(dotted == name or dotted.startswith(name + ".") for name in _HARMLESS) or _is_exception(dotted):
        return None
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        rule = _whole().get(".".join(parts[:length]))
        if rule is not None and (length < len(parts) or length > 1):
            return Match(rule, bare=False)
    return None


def _is_exception(dotted: str) -> bool:
    last = dotted.rpartition(".")[2]
    return last[:1].isupper() and last.endswith(("Error", "Exception", "Warning", "Timeout", "Expired"))


def is_environment_mapping(dotted: str) -> bool:
    return dotted in ("os.environ", "os.environb", "sys.argv")
