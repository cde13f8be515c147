"""The conversation with a runner: hello, then a history in and a verdict out. docs/replay-runners.md publishes it.

Blocking, for a worker process that does nothing else meanwhile; the checker's clock ends what takes too long, by ending
the whole process group.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict
from temporalio.api.history.v1 import History

from wfctl.replay.messages import LoadFailure, RunnerCommand
from wfctl.replay.model import Command, Location, Verdict
from wfctl.replay.reading import ReadHistory

VERSION = 1
_VERDICTS = frozenset(
    {
        Verdict.COMPATIBLE,
        Verdict.NONDETERMINISM,
        Verdict.UNREGISTERED,
        Verdict.DECODE_ERROR,
        Verdict.WORKFLOW_ERROR,
        Verdict.BAD_HISTORY,
        Verdict.INFRASTRUCTURE,
    }
)
_STDERR = 2
_LAST_WORDS = 2000


class RunnerDied(Exception):
    """It ended in the middle of a history."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code

    @property
    def how(self) -> str:
        if self.exit_code < 0:
            return f"was killed by {signal.Signals(-self.exit_code).name}"
        return f"ended with exit code {self.exit_code}"


class Misspoken(Exception):
    """It said something that the protocol does not have."""


@dataclass(frozen=True, slots=True)
class Hello:
    types: frozenset[str] | None
    """None: this SDK does not tell."""
    has_dynamic: bool
    sdk: str
    wants_protobuf: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict on one history, as the runner gave it."""

    verdict: Verdict
    message: str = ""
    stack: str = ""
    event_id: int = 0
    event_type: str = ""
    command: Command | None = None
    made: tuple[Command, ...] = ()
    """All commands that the code made, in order, with their lines; empty for a runner that does not tell."""
    patches: frozenset[str] | None = None
    """The patches or versions that the code asked for; None for a runner that does not tell."""
    location: Location | None = None
    leaving: bool = False


class Runner:
    """One runner process. Its stderr is this process's own."""

    def __init__(self, command: RunnerCommand) -> None:
        self.command = command
        self._number = 0
        self._wants_protobuf = False
        try:
            self._popen = subprocess.Popen(
                command.argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, **dict(command.environment)},
            )
        except OSError as error:
            raise LoadFailure(
                command.target or command.argv[0], f"the runner cannot be started: {error.strerror}"
            ) from error

    def hello(self) -> Hello:
        """Waits until the code is loaded; raises `LoadFailure` with the runner's reason."""
        try:
            message = self._receive()
        except RunnerDied as died:
            raise LoadFailure(
                self.command.target or self.command.argv[0],
                f"the runner {died.how} before it said hello{last_words(most_lines=12)}",
            ) from died
        try:
            hello = _hello(message, self.command)
        except Misspoken as error:
            raise LoadFailure(self.command.target or self.command.argv[0], str(error)) from error
        self._wants_protobuf = hello.wants_protobuf
        return hello

    def judge(self, history: ReadHistory) -> Answer:
        self._number += 1
        stdin = self._popen.stdin
        assert stdin is not None
        try:
            stdin.write(json.dumps(self._message(history)).encode() + b"\n")
            stdin.flush()
        except OSError:
            raise self._death() from None
        message = self._receive()
        if message.get("wfctl") != "verdict" or message.get("number") != self._number:
            raise Misspoken(f"the runner answered history {self._number} with {json.dumps(message)[:200]}")
        return _answer(message)

    def end(self) -> None:
        self._popen.kill()
        self._popen.wait()

    def _message(self, history: ReadHistory) -> dict[str, Any]:
        wire = history.events.wire
        return {
            "wfctl": "history",
            "number": self._number,
            "workflow_id": history.workflow_id,
            "run_id": history.run_id,
            "workflow_type": history.workflow_type,
            "history": base64.b64encode(wire).decode()
            if self._wants_protobuf
            else MessageToDict(History.FromString(wire)),
        }

    def _receive(self) -> dict[str, Any]:
        """The next message; whatever else is on stdout was printed by the code."""
        stdout = self._popen.stdout
        assert stdout is not None
        while line := stdout.readline():
            message = _message_in(line)
            if message is not None:
                return message
        raise self._death()

    def _death(self) -> RunnerDied:
        return RunnerDied(self._popen.wait())


def hello_in(stdout: str, stderr: str, command: RunnerCommand) -> Hello:
    """The hello of a runner that only prepares something and ends; raises `LoadFailure` with its reason."""
    for line in stdout.splitlines():
        message = _message_in(line.encode())
        if message is not None:
            return _hello(message, command)
    said = "\n".join(stderr.strip().splitlines()[-12:])
    raise LoadFailure(command.target, f"the runner ended before it said hello\n{said}")


def _message_in(line: bytes) -> dict[str, Any] | None:
    """A line of the protocol; None for what the code printed."""
    if not line.lstrip().startswith(b"{"):
        return None
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) and "wfctl" in message else None


def _hello(message: dict[str, Any], command: RunnerCommand) -> Hello:
    if message.get("wfctl") == "failure":
        raise LoadFailure(
            command.target or command.argv[0],
            str(message.get("message", "the code could not be loaded")),
            _location(message.get("location")),
            str(message.get("hint") or ""),
        )
    if message.get("wfctl") != "hello":
        raise Misspoken(f"the runner said {json.dumps(message)[:200]} instead of hello")
    if message.get("protocol") != VERSION:
        raise Misspoken(f"the runner speaks protocol {message.get('protocol')}; this wfctl speaks {VERSION}")
    types = message.get("workflows")
    return Hello(
        frozenset(map(str, types)) if types is not None else None,
        bool(message.get("dynamic")),
        str(message.get("sdk", "")),
        message.get("histories") == "protobuf",
    )


def _answer(message: dict[str, Any]) -> Answer:
    verdict = message.get("verdict")
    if verdict not in _VERDICTS:
        raise Misspoken(f"the runner's verdict is '{verdict}', which is not one of: {', '.join(sorted(_VERDICTS))}")
    try:
        return Answer(
            Verdict(verdict),
            str(message.get("message") or ""),
            str(message.get("stack") or ""),
            int(message.get("event_id") or 0),
            str(message.get("event_type") or ""),
            _command(message.get("command")),
            tuple(one for item in message.get("commands") or () if (one := _command(item)) is not None),
            frozenset(map(str, message["patches"])) if message.get("patches") is not None else None,
            _location(message.get("location")),
            bool(message.get("leaving")),
        )
    except (AttributeError, TypeError, ValueError) as error:
        raise Misspoken(f"the runner's verdict cannot be read: {error}: {json.dumps(message)[:200]}") from error


def _command(value: dict[str, Any] | None) -> Command | None:
    if value is None:
        return None
    name, identity = str(value.get("name") or ""), str(value.get("id") or "")
    return Command(str(value["kind"]), name, identity, location=_location(value.get("location")))


def _location(value: dict[str, Any] | None) -> Location | None:
    if value is None or not value.get("file"):
        return None
    file = Path(str(value["file"]))
    shown = file.relative_to(Path.cwd()) if file.is_absolute() and file.is_relative_to(Path.cwd()) else file
    return Location(str(shown), int(value.get("line") or 0), str(value.get("function") or ""))


def last_words(most_lines: int = 1) -> str:
    """What was last written to stderr, which is the log file of this process."""
    try:
        size = os.fstat(_STDERR).st_size
        # `pread` leaves alone the position at which the runner goes on writing.
        text = os.pread(_STDERR, _LAST_WORDS, max(0, size - _LAST_WORDS)).decode(errors="replace")
    except OSError:
        return ""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()][-most_lines:]
    if not lines:
        return ""
    return f"; its last words: {lines[0].strip()[:300]}" if most_lines == 1 else "\n" + "\n".join(lines)
