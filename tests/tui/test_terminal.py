"""The terminal UI as people have it: in a real terminal."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from google.protobuf.json_format import MessageToJson
from temporalio.api.history.v1 import History

from tests.support.histories import failed_order
from tests.support.server import free_port

ROOT = Path(__file__).parents[2]
WAIT_SECONDS = 20.0


def until(look: Callable[[], str | None], wanted: str) -> str:
    """What `look` sees, once the wanted is in it."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        seen = look() or ""
        if wanted in seen:
            return seen
        assert time.monotonic() < deadline, f"'{wanted}' did not come; there is:\n{seen}"
        time.sleep(0.05)


@pytest.fixture
def history_file(tmp_path: Path) -> Path:
    path = tmp_path / "order.json"
    path.write_text(MessageToJson(History(events=failed_order())), encoding="utf-8")
    return path


@dataclass
class Terminal:
    """A terminal of tmux's, on a tmux server of its own."""

    socket: Path

    def tmux(self, *arguments: str) -> str:
        command = ["tmux", "-S", str(self.socket), "-f", "/dev/null", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WAIT_SECONDS)
        return done.stdout

    def start(self, command: str, size: tuple[int, int] = (100, 30)) -> None:
        environment = {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        flags = [word for name, value in environment.items() for word in ("-e", f"{name}={value}")]
        self.tmux("new-session", "-d", "-x", str(size[0]), "-y", str(size[1]), *flags, f"{command}; echo LEFT $?; cat")

    def press(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def screen(self) -> str:
        return self.tmux("capture-pane", "-p")

    def colors(self) -> str:
        return self.tmux("capture-pane", "-p", "-e")


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    found = Terminal(tmp_path / "tmux")
    yield found
    found.tmux("kill-server")


def wfctl_tui(*arguments: str) -> str:
    return shlex.join([sys.executable, "-m", "wfctl", "tui", *arguments])


def resize(terminal: Terminal, width: int, height: int, wanted: str) -> None:
    """To this size, until it shows the wanted. tmux drops a frame that arrives while it lays out anew: then once more."""
    deadline = time.monotonic() + WAIT_SECONDS
    while wanted not in terminal.screen():
        assert time.monotonic() < deadline, f"'{wanted}' did not come; there is:\n{terminal.screen()}"
        terminal.tmux("resize-window", "-x", str(width + 1), "-y", str(height))
        terminal.tmux("resize-window", "-x", str(width), "-y", str(height))
        settled = time.monotonic() + 3
        while wanted not in terminal.screen() and time.monotonic() < settled:
            time.sleep(0.05)


@pytest.mark.needs_tmux
def test_in_a_real_terminal_it_opens_answers_keys_resizes_and_leaves_it_clean(
    terminal: Terminal, history_file: Path
) -> None:
    terminal.start(wfctl_tui(str(history_file)))
    until(terminal.screen, "order-1043")
    terminal.press("Enter")
    until(terminal.screen, "Failed after")
    assert re.search(r"\x1b\[[0-9;]*38;2;", terminal.colors()), "no colours"
    terminal.press("w")
    until(terminal.screen, "╰ because")
    terminal.press("Escape")
    until(terminal.screen, "⇥ Tab")
    terminal.press(":")
    until(terminal.screen, "or a workflow id")
    terminal.press("Escape")
    until(terminal.screen, "⇥ Tab")
    resize(terminal, 60, 15, "Failed after")
    resize(terminal, 20, 5, "wfctl")
    terminal.press("C-q")
    until(terminal.screen, "LEFT 0")
    assert terminal.tmux("display-message", "-p", "#{alternate_on} #{mouse_any_flag} #{cursor_flag}").split() == [
        "0",
        "0",
        "1",
    ]


@pytest.mark.needs_tmux
def test_with_no_server_it_says_so_in_place_and_still_leaves(terminal: Terminal) -> None:
    terminal.start(wfctl_tui("--address", f"127.0.0.1:{free_port()}"))
    until(terminal.screen, "reconnecting")
    terminal.press("q")
    until(terminal.screen, "LEFT 0")
