"""What the demo stands on: narration, checks, commands shown as they are run, processes ended by their pid."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import IO

STOP_LIMIT_SECONDS = 10.0
WAIT_LIMIT_SECONDS = 30.0
COMMAND_LIMIT_SECONDS = 60.0
POLL_SECONDS = 0.05
LINE_LIMIT = 150


class DemoFailed(Exception):
    """Something the demo claims was not so."""


class Stage:
    """Prints what happens, runs what is shown, and ends every process it started."""

    def __init__(self, directory: Path, out: IO[str] = sys.stdout) -> None:
        self.directory = directory
        self.checks = 0
        self._out = out
        self._colored = out.isatty() and "NO_COLOR" not in os.environ
        self._scenes = 0
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    # Words.

    def scene(self, title: str) -> None:
        self._scenes += 1
        self._print(f"\n{self._paint(f'{self._scenes}. {title}', '1')}")

    def say(self, text: str) -> None:
        self._print(f"   {text}")

    def check(self, held: bool, claim: str) -> None:
        """A claim is printed only after it was found true."""
        if not held:
            raise DemoFailed(f"not so: {claim}")
        self.checks += 1
        self._print(f"   {self._paint('✓', '32')} {claim}")

    # Commands.

    def run(self, words: list[str], shown: str, *, env: dict[str, str] | None = None, quiet: bool = False) -> str:
        """Run a command, show it and (unless quiet) its output, insist on exit code 0; returns its stdout."""
        self._print(f"   {self._paint('$ ' + shown, '36')}")
        done = subprocess.run(
            words,
            cwd=self.directory,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_LIMIT_SECONDS,
        )
        for line in (done.stderr if quiet else done.stdout + done.stderr).rstrip().splitlines():
            self._print(f"     {line}".rstrip())
        if done.returncode != 0:
            raise DemoFailed(f"`{shown}` left exit code {done.returncode}")
        return done.stdout

    def exit_code(self, words: list[str], shown: str, *, env: dict[str, str]) -> int:
        """Run a command for its verdict; what it says is shown."""
        self._print(f"   {self._paint('$ ' + shown, '36')}")
        done = subprocess.run(
            words,
            cwd=self.directory,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_LIMIT_SECONDS,
        )
        for line in (done.stdout + done.stderr).rstrip().splitlines():
            self._print(f"     {line[:LINE_LIMIT]}{'…' if len(line) > LINE_LIMIT else ''}".rstrip())
        return done.returncode

    # Processes.

    def spawn(self, words: list[str], log: Path, *, cwd: Path, env: dict[str, str] | None = None) -> int:
        """Start a process in the background; its output goes to a file."""
        with log.open("ab") as output:
            process = subprocess.Popen(
                words,
                cwd=cwd,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._processes[process.pid] = process
        return process.pid

    def kill_hard(self, pid: int) -> None:
        """`kill -9`: the process gets no chance to save anything."""
        self._print(f"   {self._paint(f'$ kill -9 {pid}', '36')}")
        process = self._processes.pop(pid)
        process.kill()
        process.wait()

    def interrupt(self, pid: int) -> float:
        """As ctrl-c does; returns the seconds until the process had ended."""
        process = self._processes.pop(pid)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise DemoFailed(f"{shlex.join(map(str, process.args))} did not stop on an interrupt") from None  # type: ignore[arg-type]
        return time.monotonic() - began

    def is_running(self, pid: int) -> bool:
        return self._processes[pid].poll() is None

    def end_all(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()
        self._processes.clear()

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + WAIT_LIMIT_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise DemoFailed(f"waited {WAIT_LIMIT_SECONDS:.0f} s for {what}")
            time.sleep(POLL_SECONDS)

    async def wait_until_async(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        deadline = time.monotonic() + WAIT_LIMIT_SECONDS
        while not await condition():
            if time.monotonic() > deadline:
                raise DemoFailed(f"waited {WAIT_LIMIT_SECONDS:.0f} s for {what}")
            await asyncio.sleep(POLL_SECONDS)

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colored else text

    def _print(self, text: str) -> None:
        print(text, file=self._out, flush=True)
