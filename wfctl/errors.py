"""What a command says when it cannot do what was asked, and the exit code it leaves.

A mistake of the user never shows a traceback: every expected failure is a `CommandError` that says what happened
and, where there is something to try, a hint. The exit codes are part of the interface:

| code | meaning |
|---|---|
| 0   | done |
| 1   | the command ran and failed: the server refused it, or the workflow, update or query did not succeed |
| 2   | the command line is wrong: unknown flag, missing flag, invalid value, bad JSON |
| 3   | not found: workflow, run, update, namespace … |
| 4   | the server cannot be reached |
| 5   | not allowed: authentication or permission |
| 6   | already exists, or already started |
| 7   | timed out waiting |
| 130 | interrupted (ctrl-c) |
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    UNREACHABLE = 4
    NOT_ALLOWED = 5
    ALREADY_EXISTS = 6
    TIMED_OUT = 7
    INTERRUPTED = 130


class CommandError(Exception):
    """An expected failure: a sentence about what happened, perhaps a hint, and an exit code."""

    exit_code: ExitCode = ExitCode.FAILED

    def __init__(self, message: str, *, hint: str | None = None, exit_code: ExitCode | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if exit_code is not None:
            self.exit_code = exit_code


class UsageMistake(CommandError):
    """The command line itself is wrong; nothing was sent to a server."""

    exit_code = ExitCode.USAGE


class ServerUnreachable(CommandError):
    """No server answered at the address."""

    exit_code = ExitCode.UNREACHABLE


class TimedOutWaiting(CommandError):
    """The command's own deadline passed."""

    exit_code = ExitCode.TIMED_OUT


class ServerRefused(CommandError):
    """The server answered with an error status."""

    def __init__(
        self, message: str, *, code: str, hint: str | None = None, exit_code: ExitCode = ExitCode.FAILED
    ) -> None:
        super().__init__(message, hint=hint, exit_code=exit_code)
        self.code = code
        """The gRPC status by name, such as `NOT_FOUND`."""


def describe(error: CommandError) -> str:
    """The lines that stderr gets."""
    lines = [f"error: {error.message}"]
    if error.hint:
        lines.append(f"hint: {error.hint}")
    return "\n".join(lines)
