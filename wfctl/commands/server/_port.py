"""Whether a port is free, and who has it when it is not."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

from wfctl.errors import CommandError

_LISTENING = "0A"


def require_free_port(ip: str, port: int) -> None:
    """Before anything slow is loaded or any file touched: fail where listening would."""
    host = "127.0.0.1" if ip == "localhost" else ip
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except socket.gaierror:
            raise CommandError(f"'{ip}' is not an IP address of this machine", hint="use --ip 127.0.0.1") from None
        except OSError as error:
            raise refusal(ip, port, error) from error


def refusal(ip: str, port: int, error: OSError) -> CommandError:
    if error.errno == errno.EADDRINUSE:
        return taken(port)
    if error.errno == errno.EACCES:
        return CommandError(f"port {port} may not be opened by this user", hint="choose one above 1023 with --port")
    if error.errno == errno.EADDRNOTAVAIL:
        return CommandError(f"'{ip}' is not an IP address of this machine", hint="use --ip 127.0.0.1")
    return CommandError(f"cannot listen on {ip}:{port}: {error.strerror}")


def taken(port: int) -> CommandError:
    owner = owner_of(port)
    who = "another process" if owner is None else f"pid {owner[0]} ({owner[1]})"
    stop = "" if owner is None else f", stop it (kill {owner[0]})"
    return CommandError(
        f"port {port} is taken by {who}", hint=f"connect to that server{stop}, or choose another port (--port 0: any)"
    )


def owner_of(port: int) -> tuple[int, str] | None:
    """Pid and command of the process that listens on a port; None where the system does not say."""
    inodes = {inode for table in ("tcp", "tcp6") for inode in _listeners(Path("/proc/net") / table, port)}
    if not inodes:
        return None
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and _holds(process, wanted):
            return int(process.name), _command(process)
    return None


def _listeners(table: Path, port: int) -> list[str]:
    try:
        lines = table.read_text().splitlines()[1:]
    except OSError:
        return []
    rows = [line.split() for line in lines]
    return [row[9] for row in rows if row[3] == _LISTENING and int(row[1].rpartition(":")[2], 16) == port]


def _holds(process: Path, sockets: set[str]) -> bool:
    try:
        return any(os.readlink(entry.path) in sockets for entry in os.scandir(process / "fd"))
    except OSError:
        return False  # somebody else's, or gone


def _command(process: Path) -> str:
    try:
        words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return "?"
    text = " ".join(word for word in words if word)
    return text if len(text) <= 60 else text[:59] + "…"
