"""The command tree, as a table; imports nothing slow.

A noun's module is imported when one of its commands is called, and gRPC when a command opens a channel.
"""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Sequence
from typing import Annotated, Any, NoReturn

import typer

from wfctl.commands._tree import LazyGroup, Row, as_params
from wfctl.errors import CommandError, ExitCode, describe

NOUNS: dict[str, Row] = {
    "server": Row("wfctl.commands.server:app", "Run the dev server"),
    "workflow": Row("wfctl.commands.workflow:app", "Start, list and operate on workflows"),
    "activity": Row("wfctl.commands.activity:app", "Complete or fail an activity"),
    "batch": Row("wfctl.commands.batch:app", "Follow batch operations"),
    "task-queue": Row("wfctl.commands.task_queue:app", "See who polls a task queue, and its backlog"),
    "operator": Row("wfctl.commands.operator:app", "Namespaces, search attributes and the cluster"),
    "config": Row("wfctl.commands.config:app", "Profiles of temporal.toml"),
    "replay": Row("wfctl.commands.replay:app", "Replay histories against your workflow code"),
    "db": Row("wfctl.commands.db:app", "Look at, check and copy a dev server's database"),
    "tui": Row("wfctl.commands.tui:tui", "Look at workflows in a terminal: live, from files, from a database"),
    "new": Row("wfctl.commands.new:app", "Make a new project from a template"),
    "completion": Row("wfctl.commands.completion:app", "Completion script for your shell"),
    "options": Row("wfctl.commands.options:app", "The flags that every command takes"),
}


def _print_version(ctx: Any, _param: Any, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    from wfctl import __version__

    sys.stdout.write(f"wfctl {__version__}\n")
    raise typer.Exit


def root_command() -> LazyGroup:
    """The whole tree; what lies behind a row is loaded on demand."""

    def version(
        v: Annotated[
            bool,
            typer.Option("-v", "--version", help="Say the version and leave.", callback=_print_version, is_eager=True),
        ] = False,
    ) -> None: ...

    return LazyGroup(
        NOUNS,
        help="Temporal on your machine: a durable dev server, and a command line for any Temporal server.",
        name="wfctl",
        params=as_params(version),
    )


def run(args: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; every expected failure is a sentence on stderr."""
    arguments = list(sys.argv[1:] if args is None else args)
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # gRPC's own log, set before its import, would talk over our errors
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that lacks a sign gets "?", not a traceback
    if "_WFCTL_COMPLETE" in os.environ:
        from wfctl.commands.completion import register

        register()
    try:
        result = root_command().main(arguments, prog_name="wfctl", standalone_mode=False)
        sys.stdout.flush()
    except CommandError as error:
        return _fail(describe(error), error.exit_code)
    except typer.TyperException as error:
        return _usage(error)
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted", ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # The reader of our stdout has gone, as `head` does; there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    except OSError as error:
        if error.filename is None:
            raise
        return _fail(f"error: cannot use {error.filename}: {error.strerror}", ExitCode.FAILED)
    return result if isinstance(result, int) else ExitCode.OK


def _usage(error: typer.TyperException) -> int:
    """A command line that cannot be understood; a group called with nothing shows its help instead."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stdout.write(error.message.rstrip() + "\n")
        return ExitCode.USAGE
    message = error.format_message().replace("Value error, ", "").strip().rstrip(".")
    message = re.sub(r" \(Possible options: (.*)\)$", r"; did you mean \1?", message)
    message = message[:1].lower() + message[1:]
    command = context.command_path if context is not None else "wfctl"
    return _fail(f"error: {message}\nhint: see `{command} --help`", ExitCode.USAGE)


def _fail(text: str, code: int) -> int:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        pass
    sys.stderr.write(text + "\n")
    return int(code)


def main(args: Sequence[str] | None = None) -> NoReturn:
    sys.exit(run(args))
