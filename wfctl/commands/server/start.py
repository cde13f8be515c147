"""`server start` and `server start-dev`: flags become options, then the dev server runs until it is interrupted."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib.util
import json
import os
import signal
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from wfctl import __version__
from wfctl.commands._session import Session, key_values, session
from wfctl.commands.server._flags import ServerFlags, UiFlags
from wfctl.commands.server._port import require_free_port, taken
from wfctl.errors import CommandError, UsageMistake

if TYPE_CHECKING:
    from wfctl.devserver.app import Server
    from wfctl.devserver.options import ServerOptions

DEFAULT_FILE = Path(".wfctl/dev.db")


def start(ctx: typer.Context, flags: ServerFlags, ui: UiFlags) -> None:
    """Run the dev server; history is kept in .wfctl/dev.db of this directory.

    Connect workers and clients to localhost:7233. Ctrl-C stops it; started again, everything goes on.

        wfctl server start
        wfctl server start --db-filename orders.db --namespace orders --search-attribute CustomerId=Keyword
    """
    _run(ctx, flags, ui, default_file=DEFAULT_FILE)


def start_dev(ctx: typer.Context, flags: ServerFlags, ui: UiFlags) -> None:
    """Run the dev server as `temporal server start-dev` does: in memory, unless --db-filename names a file.

    Takes every flag of that command with the same meaning; those for its web UI are accepted and have no effect.

        wfctl server start-dev --db-filename dev.db
    """
    _run(ctx, flags, ui, default_file=None)


def _run(ctx: typer.Context, flags: ServerFlags, ui: UiFlags, default_file: Path | None) -> None:
    with session(ctx) as opened:
        require_free_port(flags.ip, flags.port)
        _leave_out_the_sdk()
        file = _database_file(flags, default_file)
        options, remarks = _options(flags, opened, file)
        if options.log_level != "never":
            for remark in [*_without_effect(flags, ui, file), *remarks]:
                opened.out.note(remark)
        if flags.log_config:
            opened.out.note(json.dumps(dataclasses.asdict(options), default=str, indent=2))
        _serve(options, opened)


def _leave_out_the_sdk() -> None:
    """Make `temporalio` an empty package around its protos.

    The server needs `temporalio.api` only, but importing that runs the SDK's own `__init__`, which loads its native core:
    a tenth of our start.
    """
    if "temporalio" in sys.modules:
        return
    spec = importlib.util.find_spec("temporalio")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    package = types.ModuleType("temporalio")
    package.__path__ = list(spec.submodule_search_locations)
    package.__spec__ = spec
    sys.modules["temporalio"] = package


# -- flags → options --------------------------------------------------------------------------------------------------


def _database_file(flags: ServerFlags, default_file: Path | None) -> Path | None:
    if flags.ephemeral:
        if flags.db_filename:
            raise UsageMistake("--ephemeral keeps nothing, and --db-filename names a file", hint="leave one out")
        return None
    if flags.db_filename:
        return Path(flags.db_filename)
    if default_file is not None and not default_file.parent.exists():
        _make_home(default_file.parent)
    return default_file


def _make_home(directory: Path) -> None:
    try:
        directory.mkdir()
        (directory / ".gitignore").write_text("*\n")
    except OSError as error:
        raise CommandError(
            f"cannot make {directory.absolute()}: {error.strerror}",
            hint="name a file elsewhere with --db-filename, or keep nothing with --ephemeral",
        ) from error


def _options(flags: ServerFlags, opened: Session, file: Path | None) -> tuple[ServerOptions, list[str]]:
    """The options, and remarks about what was asked for in vain."""
    from wfctl.commands.server._config_file import ConfigFile, read_config_file, search_attribute_type
    from wfctl.commands.server._dynamic_config import apply_fields, read_flags
    from wfctl.devserver.options import ServerOptions
    from wfctl.devserver.settings import Settings

    config = read_config_file(Path(flags.config)) if flags.config else ConfigFile()
    settings, unknown_keys = apply_fields(config.settings, Settings())
    settings, unknown_flags = read_flags(flags.dynamic_config_value or (), settings)
    added = {
        name: search_attribute_type(name, spelled, f"--search-attribute {name}")
        for name, spelled in key_values(flags.search_attribute, "--search-attribute").items()
    }
    if flags.retention is not None and flags.retention.total_seconds() <= 0:
        raise UsageMistake("--retention is longer than nothing", hint="leave it out to keep everything")
    options = ServerOptions(
        db_path=file,
        durability=flags.durability or "full",
        sqlite_pragmas=key_values(flags.sqlite_pragma, "--sqlite-pragma"),
        ip=flags.ip,
        port=flags.port,
        namespaces=tuple(dict.fromkeys(["default", *(flags.namespace or ())])),
        search_attributes={**config.search_attributes, **added},
        retention_seconds=None if flags.retention is None else flags.retention.total_seconds(),
        settings=settings,
        declared=config.namespaces,
        ports_file=Path(flags.ports_file) if flags.ports_file else None,
        output=opened.out.format,
        log_level=opened.flags.get("log_level") or "warn",
        log_format="json" if opened.flags.get("log_format") == "json" else "text",
    )
    remarks = [f"note: the setting {key} means nothing to wfctl" for key in (*unknown_keys, *unknown_flags)]
    return options, remarks


def _without_effect(flags: ServerFlags, ui: UiFlags, file: Path | None) -> list[str]:
    given = ui.without_effect()
    remarks = []
    if given:
        verb = "has" if len(given) == 1 else "have"
        remarks.append(f"note: {', '.join(given)} {verb} no effect: wfctl has no web UI; try `wfctl tui`")
    if file is None and (flags.durability or flags.sqlite_pragma):
        remarks.append("note: --durability and --sqlite-pragma have no effect without a file")
    return remarks


# -- running --------------------------------------------------------------------------------------------------------


def _serve(options: ServerOptions, opened: Session) -> None:
    _set_up_logging(options)
    from wfctl.devserver.app import serve
    from wfctl.devserver.event_loop import new_event_loop
    from wfctl.devserver.rpc.server import PortNotBound
    from wfctl.devserver.storage.file_check import CannotOpen

    def on_ready(server: Server) -> None:
        ready = _ready(options, server)
        if options.ports_file is not None:
            _write_ports_file(options.ports_file, ready)
        _announce(opened, ready, options)

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        await serve(options, on_ready, stop)

    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(run())
    except CannotOpen as error:
        raise CommandError(error.message.rstrip("."), hint=error.hint) from error
    except PortNotBound as error:
        raise taken(options.port) from error
    finally:
        if options.ports_file is not None:
            _remove_ports_file(options.ports_file)


def _ready(options: ServerOptions, server: Server) -> dict[str, Any]:
    shown_ip = f"[{options.ip}]" if ":" in options.ip else options.ip
    database = server.backend.database
    return {
        "event": "ready",
        "address": f"{shown_ip}:{server.port}",
        "ip": options.ip,
        "port": server.port,
        "pid": os.getpid(),
        "db": None if options.db_path is None else database.path,
        "durability": database.durability,
        "recovered_workflows": server.recovered,
        "namespaces": list(dict.fromkeys([*options.namespaces, *(declared.name for declared in options.declared)])),
        "version": __version__,
    }


def _announce(opened: Session, ready: Mapping[str, Any], options: ServerOptions) -> None:
    out = opened.out
    if out.is_json:
        sys.stdout.write(json.dumps(ready, separators=(",", ":")) + "\n")
    elif ready["db"] is None:
        _banner(opened, ready, "in memory: gone when the server stops")
    else:
        synced = "every commit synced to disk" if options.durability == "full" else "survives a killed process"
        _banner(opened, ready, f"{_near(ready['db'])} (durability {options.durability}: {synced})")
    out.flush()


def _banner(opened: Session, ready: Mapping[str, Any], history: str) -> None:
    out = opened.out
    out.line(out.paint(f"wfctl dev server {ready['version']}", "bold"))
    count = ready["recovered_workflows"]
    rows = [
        ("Address", str(ready["address"])),
        ("History", history),
        ("Namespaces", ", ".join(ready["namespaces"])),
    ]
    if ready["db"] is not None:
        rows.append(("Recovered", "1 open workflow" if count == 1 else f"{count} open workflows"))
    out.card(rows)
    out.line(out.paint("Ctrl-C stops it.", "dim"))


def _near(path: str) -> str:
    """Relative to here when it is below here."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return path


def _write_ports_file(path: Path, ready: Mapping[str, Any]) -> None:
    """All of it or nothing: a reader that sees the file can connect."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_text(json.dumps(ready, indent=2) + "\n")
        os.replace(unfinished, path)
    except OSError as error:
        raise CommandError(f"cannot write {path}: {error.strerror}", hint="check --ports-file") from error


def _remove_ports_file(path: Path) -> None:
    try:
        if json.loads(path.read_text()).get("pid") == os.getpid():
            path.unlink()
    except (OSError, ValueError):
        pass  # not there, or not ours


_JSON_LINE = '{"ts":"%(asctime)s","level":"%(levelname)s","msg":%(json_message)s}'


def _escape_for_json(record: Any) -> bool:
    text = record.getMessage()
    if record.exc_info and record.exc_info[1] is not None:
        text += f": {record.exc_info[1]!r}"
        record.exc_info = None
    record.json_message = json.dumps(text)
    return True


def _set_up_logging(options: ServerOptions) -> None:
    import logging

    if options.log_level == "never":
        logging.disable()
        return
    handler = logging.StreamHandler()
    if options.log_format == "json":
        handler.setFormatter(logging.Formatter(_JSON_LINE))
        handler.addFilter(_escape_for_json)
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S"))
    level = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}
    logging.basicConfig(level=level[options.log_level], handlers=[handler])
