"""What a person sees when something is wrong: a sentence, a hint, an exit code, and never a traceback."""

from __future__ import annotations

import socket
from pathlib import Path

import grpc
import pytest
from temporalio.api.workflowservice.v1 import ListWorkflowExecutionsResponse

from tests.commands.conftest import Run
from tests.commands.fake_server import FakeServer, Refusal


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_nothing_listens(run: Run) -> None:
    address = f"127.0.0.1:{free_port()}"
    done = run("workflow", "list", "--address", address)
    assert (done.code, done.out) == (4, "")
    assert done.err == (
        f"error: no server listens at {address}\n"
        "hint: start one with `wfctl server start`, or name another with --address\n"
    )


@pytest.mark.parametrize(
    ("code", "message", "exit_code", "hint"),
    [
        (grpc.StatusCode.NOT_FOUND, "workflow not found for ID: x", 3, "is the id right"),
        (grpc.StatusCode.NOT_FOUND, "Namespace nope is not found.", 3, "`wfctl operator namespace list`"),
        (grpc.StatusCode.PERMISSION_DENIED, "no", 5, "may this key work in namespace 'default'?"),
        (grpc.StatusCode.UNAUTHENTICATED, "no", 5, "check --api-key"),
        (grpc.StatusCode.INVALID_ARGUMENT, "invalid query: near 'bad'", 1, None),
        (grpc.StatusCode.UNIMPLEMENTED, "unknown method", 1, "this server does not offer ListWorkflowExecutions"),
    ],
)
def test_what_the_server_refuses_is_said_in_its_words(
    wfctl: Run, server: FakeServer, code: grpc.StatusCode, message: str, exit_code: int, hint: str | None
) -> None:
    server.answers["ListWorkflowExecutions"] = Refusal(code, message)
    done = wfctl("workflow", "list", "-o", "json")
    assert (done.code, done.out) == (exit_code, "")
    first, *rest = done.err.splitlines()
    assert first == f"error: {message}"
    assert [line[: len(f"hint: {hint}")] for line in rest] == ([f"hint: {hint}"] if hint else [])


def test_bad_json_is_pointed_at(wfctl: Run, server: FakeServer) -> None:
    done = wfctl("workflow", "start", "--type", "T", "-t", "q", "-i", "1", "-i", '{"a": 1,\n "b": }')
    assert done.code == 2
    assert done.err == (
        'error: --input #2 is not valid JSON at line 2, column 7: Expecting value\n   "b": }\n        ^\n'
    )
    assert server.requests == []


def test_a_bare_word_is_told_about_quotes(wfctl: Run) -> None:
    done = wfctl("workflow", "signal", "-w", "w", "--name", "s", "-i", "hello")
    assert done.err.splitlines()[-1] == "hint: a string needs its quotes: '\"text\"'"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--memo", "x"), "--memo 'x' is not KEY=JSON"),
        (("--memo", "x={"), "--memo x is not valid JSON at line 1, column 2"),
        (("--input-file", "/nowhere"), "cannot read the input file /nowhere: No such file or directory"),
        (("-i", "1", "--input-file", "x"), "--input and --input-file cannot be combined"),
        (("-i", "1", "--input-meta", "a=1", "--input-meta", "a=2"), "--input-meta a is given more often"),
        (("-i", "%", "--input-base64"), "--input #1 is not base64"),
        (("--run-timeout", "5x"), "invalid value for '--run-timeout': '5x' is not a duration"),
        (("--id-reuse-policy", "Maybe"), "invalid value for '--id-reuse-policy'"),
        (("--grpc-meta", "x"), "--grpc-meta 'x' is not KEY=VALUE"),
        (("--no-such-flag",), "no such option: --no-such-flag"),
        (("--profile", "nope"), "profile 'nope' is not in "),
    ],
)
def test_mistakes_in_flags(wfctl: Run, server: FakeServer, flags: tuple[str, ...], message: str) -> None:
    done = wfctl("workflow", "start", "--type", "T", "-t", "q", *flags)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"error: {message}")
    assert server.requests == []


def test_a_missing_flag_is_named(run: Run) -> None:
    done = run("workflow", "describe")
    assert done.code == 2
    assert done.err == ("error: missing option '-w' / '--workflow-id'\nhint: see `wfctl workflow describe --help`\n")


def test_an_unknown_command_gets_a_suggestion(run: Run) -> None:
    done = run("workflow", "lsit")
    assert done.code == 2
    assert (
        done.err == "error: there is no command 'lsit' here; did you mean 'list'?\nhint: see `wfctl workflow --help`\n"
    )


def test_a_group_without_a_command_shows_its_help(run: Run) -> None:
    done = run("workflow")
    assert done.code == 2
    assert "Commands:\n  start" in done.out


def test_the_command_timeout_ends_a_wait(wfctl: Run, server: FakeServer) -> None:
    import threading

    ended = threading.Event()

    def slow(request: object) -> ListWorkflowExecutionsResponse:
        ended.wait(5)
        return ListWorkflowExecutionsResponse()

    server.answers["ListWorkflowExecutions"] = slow
    done = wfctl("workflow", "list", "--command-timeout", "100ms")
    ended.set()
    assert (done.code, done.err) == (7, "error: not done after 0.1 s (--command-timeout)\n")


def test_trace_has_no_json(wfctl: Run) -> None:
    assert wfctl("workflow", "trace", "-w", "x", "-o", "json").code == 2
    assert wfctl("workflow", "trace", "-w", "x", "--fold", "nope").code == 2


def test_a_mistyped_flag_gets_a_suggestion(run: Run) -> None:
    done = run("workflow", "list", "--querry", "x")
    assert done.code == 2
    assert done.err.startswith("error: no such option: --querry; did you mean --query?\n")


def test_a_place_that_cannot_be_written_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run("new", "hello", str(tmp_path / "file" / "shop"))
    assert (done.code, done.out) == (1, "")
    assert done.err == f"error: cannot use {tmp_path}/file/shop: Not a directory\n"


def test_the_terminal_ui_needs_a_terminal(run: Run) -> None:
    done = run("tui", "--address", "127.0.0.1:1")
    assert done.code == 1
    assert done.err.startswith("error: the terminal UI needs a terminal\nhint: ")


def test_a_query_that_nobody_answers_in_time_says_what_it_needs(wfctl: Run, server: FakeServer) -> None:
    server.answers["QueryWorkflow"] = Refusal(grpc.StatusCode.UNAVAILABLE, "stream removed")
    done = wfctl("workflow", "query", "-w", "order-1", "--name", "status", "--command-timeout", "100ms")
    message, hint = done.err.splitlines()
    assert (done.code, message) == (7, "error: not done after 0.1 s (--command-timeout)")
    assert hint.startswith("hint: a query needs a worker")
