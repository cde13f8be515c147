"""`wfctl tui`: the terminal UI on a server, on history files, or on a database."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wfctl.commands._session import Session, session
from wfctl.errors import CommandError, UsageMistake

if TYPE_CHECKING:
    from wfctl.tui.feeds.source import Source


def tui(
    ctx: typer.Context,
    files: Annotated[
        list[Path] | None, typer.Argument(help="History files, or directories of them, instead of a server.")
    ] = None,
    db: Annotated[
        Path | None, typer.Option("--db", help="Database of a dev server, running or not; only read.", metavar="PATH")
    ] = None,
    query: Annotated[str, typer.Option("-q", "--query", help="List filter to begin with.")] = "",
    read_only: Annotated[bool, typer.Option("--read-only", help="Allow no action that changes anything.")] = False,
    serve: Annotated[bool, typer.Option("--serve", help="Show it in a browser instead, on this machine only.")] = False,
    serve_port: Annotated[int, typer.Option("--serve-port", min=1, max=65535, help="Port of --serve.")] = 8700,
    theme: Annotated[str, typer.Option("--theme", help="Colours: wfctl-dark, wfctl-light, or one of Textual's.")] = "",
) -> None:
    """See what happened to workflows, and why they are where they are, in the terminal.

    Press ? for the keys of a screen, ctrl+p for everything that can be done.

        wfctl tui --address localhost:7233
        wfctl tui order-1.json
        wfctl tui --db .wfctl/dev.db
    """
    with session(ctx) as opened:
        if files and db:
            raise UsageMistake("both files and --db are given", hint="look at one of the two")
        if not serve:
            _require_terminal()
        source = _source(opened, files or [], db, read_only)
        if serve:
            from wfctl.commands._serving import serve as serve_pages

            source.close()
            serve_pages(opened.out, serve_port)
            return
        from wfctl.commands._replay_here import replay_here
        from wfctl.tui.app import WfctlApp
        from wfctl.tui.feeds.settings import load_settings, settings_path

        WfctlApp(
            source,
            filter=query,
            theme=theme,
            read_file=read_histories,
            replay=replay_here,
            settings=load_settings(settings_path(os.environ)),
            profiles=_profiles(opened, read_only) if source.is_live else {},
        ).run()


def _profiles(opened: Session, read_only: bool) -> dict[str, Callable[[], Source]]:
    """The profiles of temporal.toml, each with how to connect to it."""
    from wfctl.config import connection_from, load_values, read_profiles
    from wfctl.tui.feeds.source import ServerSource, looking_client

    def connecting(name: str) -> Callable[[], Source]:
        def connect() -> Source:
            values = load_values(replace(opened.source, profile=name, use_environ=False))
            client = looking_client(connection_from(values), opened.flags.get("identity"))
            return ServerSource(client, read_only=read_only)

        return connect

    if not opened.source.use_file:
        return {}
    return {name: connecting(name) for name in sorted(read_profiles(opened.source.path()))}


def _require_terminal() -> None:
    """Keys come from stdin, and Textual draws on stderr, unless it has another driver: that of a browser."""
    if "TEXTUAL_DRIVER" not in os.environ and not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise CommandError(
            "the terminal UI needs a terminal", hint="scripts get the same from `wfctl workflow list -o json`"
        )


def _source(opened: Session, files: list[Path], db: Path | None, read_only: bool) -> Source:
    if files:
        from wfctl.tui.feeds.files import read_files

        source = read_files(files, read_histories)
        if not source.runs and source.broken:
            raise CommandError(f"{source.broken[0].path}: {source.broken[0].reason}")
        return source
    if db is not None:
        from wfctl.commands._database_source import open_database_source

        return open_database_source(db, opened.connection.namespace)
    from wfctl.tui.feeds.source import ServerSource, looking_client

    client = looking_client(opened.connection, opened.flags.get("identity"))
    return ServerSource(client, read_only=read_only)


def read_histories(path: Path) -> Iterator[list[Any]]:
    """The histories of a file. Raises CommandError with what is wrong."""
    from wfctl.replay.historyjson import Malformed, NoHistory, histories

    try:
        text = path.read_text(encoding="utf-8-sig")
        found = list(histories(text))
    except OSError as error:
        raise CommandError(f"cannot read it: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"it is not text: {error}") from error
    except NoHistory as error:
        raise CommandError(str(error) or "there is no history in it") from error
    except Malformed as error:
        where = f" at event {error.event_id}" if error.event_id else ""
        raise CommandError(f"it is broken{where}: {error}") from error
    if not any(found):
        raise CommandError("there is no event in it")
    return iter([list(events) for events in found if events])
