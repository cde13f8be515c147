"""The command tree: global flags anywhere, lazy groups, and a light start."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import typer
from temporalio.api.workflowservice.v1 import ListWorkflowExecutionsResponse

from tests.commands import samples
from tests.commands.conftest import Run
from tests.commands.fake_server import FakeServer
from wfctl.cli import NOUNS, root_command
from wfctl.commands._tree import LazyGroup, Row

HEAVY = ("grpc", "temporalio", "google", "rich", "textual", "aiosqlite", "yaml", "asyncio")


def imported_by(*args: str) -> set[str]:
    """The top-level modules that a whole process with these arguments has imported."""
    program = (
        "import sys\nfrom wfctl.cli import run\n"
        f"run({list(args)!r})\n"
        "print('\\nMODULES', *{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.rpartition("MODULES")[2].split())


@pytest.mark.parametrize("args", [("--help",), ("workflow", "--help"), ("workflow", "list", "--help"), ("--version",)])
def test_help_imports_nothing_slow(args: tuple[str, ...]) -> None:
    assert imported_by(*args).isdisjoint(HEAVY)


def test_a_list_does_not_import_the_sdk_s_client_nor_a_terminal_toolkit() -> None:
    loaded = imported_by("workflow", "list", "--address", "127.0.0.1:1")
    assert "grpc" in loaded
    assert loaded.isdisjoint({"rich", "textual", "aiosqlite", "yaml"})


def every_command(group: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    found: list[tuple[tuple[str, ...], Any]] = []
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        if hasattr(command, "list_commands"):
            found.extend(every_command(command, (*path, name)))
        else:
            found.append(((*path, name), command))
    return found


def test_every_row_leads_to_a_command_with_help() -> None:
    commands = every_command(root_command())
    assert len(commands) > 40
    for path, command in commands:
        assert command.help, path
        for param in command.params:
            assert getattr(param, "help", None), (path, param.name)


def test_every_command_takes_the_global_flags() -> None:
    for path, command in every_command(root_command()):
        if path[0] in ("server", "new", "replay", "tui"):
            continue
        names = {option for param in command.params for option in param.opts}
        assert {"--output", "--address", "--namespace", "--profile"} <= names, path


def test_rows_without_a_module_are_left_out() -> None:
    group = LazyGroup({"here": Row("wfctl.cli:run", "x"), "gone": Row("wfctl.commands.nowhere:app", "x")}, help="x")
    assert group.list_commands(None) == ["here"]
    assert group.get_command(None, "gone") is None


def test_a_typer_app_can_stand_in_a_row() -> None:
    assert isinstance(NOUNS["server"].target, str)
    app = typer.Typer()
    app.command()(lambda: None)
    assert typer.main.get_command(app) is not None


def test_global_flags_may_stand_anywhere_and_the_innermost_wins(wfctl: Run, server: FakeServer) -> None:
    server.answers["ListWorkflowExecutions"] = ListWorkflowExecutionsResponse(executions=[samples.info()])
    first = wfctl("-o", "jsonl", "-n", "outer", "workflow", "-n", "middle", "list")
    assert first.out.startswith("{")
    assert server.sent("ListWorkflowExecutions").namespace == "middle"
    wfctl("-n", "outer", "workflow", "list", "-n", "inner")
    assert server.sent("ListWorkflowExecutions").namespace == "inner"


def test_booleans_may_be_written_with_a_value(wfctl: Run, server: FakeServer) -> None:
    server.answers["ListWorkflowExecutions"] = ListWorkflowExecutionsResponse()
    assert wfctl("workflow", "list", "--tls=false", "--archived=false").code == 0
    assert server.asked() == ["ListWorkflowExecutions"]


def test_calls_carry_headers_identity_and_key(wfctl: Run, server: FakeServer) -> None:
    server.answers["ListWorkflowExecutions"] = ListWorkflowExecutionsResponse()
    wfctl("workflow", "list", "--api-key", "secret", "--tls=false", "--grpc-meta", "X-Team=blue")
    headers = server.headers[-1]
    assert headers["authorization"] == "Bearer secret"
    assert headers["x-team"] == "blue"
    assert headers["client-name"] == "wfctl"


def test_options_lists_the_global_flags(run: Run) -> None:
    shown = run("options").out
    assert "--codec-endpoint" in shown
    assert "TEMPORAL_TLS_SERVER_CA_CERT_PATH" in shown


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_completion_prints_a_script(run: Run, shell: str) -> None:
    done = run("completion", shell)
    assert done.code == 0
    assert "_WFCTL_COMPLETE" in done.out


def test_choices_are_read_without_the_validation_library_whatever_their_case() -> None:
    args = (
        "workflow",
        "start",
        "--type",
        "T",
        "-t",
        "q",
        "--id-reuse-policy",
        "rejectduplicate",
        "--address",
        "127.0.0.1:1",
    )
    assert "pydantic" not in imported_by(*args)
