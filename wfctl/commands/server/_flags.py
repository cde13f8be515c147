"""The flags of both start commands: `temporal server start-dev`'s own, then what wfctl adds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal

import typer

from wfctl.view.durations import parse_duration


@dataclass(kw_only=True)
class ServerFlags:
    """What the server serves, and where it keeps it."""

    db_filename: Annotated[
        str | None, typer.Option("-f", "--db-filename", help="File that keeps the history.", metavar="PATH")
    ] = None
    namespace: Annotated[
        list[str] | None,
        typer.Option("-n", "--namespace", help="Namespace to make besides `default`; repeatable."),
    ] = None
    port: Annotated[
        int, typer.Option("-p", "--port", help="Port of the gRPC service; 0 takes a free one.", min=0, max=65535)
    ] = 7233
    ip: Annotated[str, typer.Option("--ip", help="IP address to listen on.")] = "localhost"
    sqlite_pragma: Annotated[
        list[str] | None,
        typer.Option("--sqlite-pragma", help="SQLite pragma for the file; repeatable.", metavar="PRAGMA=VALUE"),
    ] = None
    dynamic_config_value: Annotated[
        list[str] | None,
        typer.Option(
            "--dynamic-config-value", help="Server setting, the value as JSON; repeatable.", metavar="KEY=JSON"
        ),
    ] = None
    log_config: Annotated[bool, typer.Option("--log-config", help="Print the server's settings to stderr.")] = False
    search_attribute: Annotated[
        list[str] | None,
        typer.Option(
            "--search-attribute",
            help="Search attribute to add to those namespaces: Text, Keyword, Int, Double, Bool, Datetime or"
            " KeywordList; repeatable.",
            metavar="NAME=TYPE",
        ),
    ] = None
    ephemeral: Annotated[
        bool, typer.Option("--ephemeral", help="Keep nothing: in memory, gone when the server stops.")
    ] = False
    durability: Annotated[
        Literal["full", "normal"] | None,
        typer.Option(
            "--durability",
            help="full: each commit is synced to disk before it is answered, the default; normal: survives a killed"
            " process, not always a power cut.",
        ),
    ] = None
    retention: Annotated[
        timedelta | None,
        typer.Option(
            "--retention",
            help="Delete closed workflows of those namespaces after this long; by default they are kept.",
            parser=parse_duration,
            metavar="DURATION",
        ),
    ] = None
    config: Annotated[
        str | None,
        typer.Option(
            "--config",
            help="YAML file that declares namespaces, search attributes and settings; applied at every start.",
            metavar="PATH",
        ),
    ] = None
    ports_file: Annotated[
        str | None,
        typer.Option(
            "--ports-file", help="JSON file with address and pid, written once the server answers.", metavar="PATH"
        ),
    ] = None


@dataclass(kw_only=True)
class UiFlags:
    """Flags of `temporal server start-dev` for what wfctl does not have; accepted, and without effect."""

    http_port: Annotated[int | None, typer.Option("--http-port", help="Accepted; has no effect.")] = None
    metrics_port: Annotated[int | None, typer.Option("--metrics-port", help="Accepted; has no effect.")] = None
    ui_port: Annotated[int | None, typer.Option("--ui-port", help="Accepted; has no effect.")] = None
    headless: Annotated[
        bool, typer.Option("--headless", help="Accepted: there is no web UI to leave out (see `wfctl tui`).")
    ] = False
    ui_ip: Annotated[str | None, typer.Option("--ui-ip", help="Accepted; has no effect.")] = None
    ui_public_path: Annotated[str | None, typer.Option("--ui-public-path", help="Accepted; has no effect.")] = None
    ui_asset_path: Annotated[str | None, typer.Option("--ui-asset-path", help="Accepted; has no effect.")] = None
    ui_codec_endpoint: Annotated[str | None, typer.Option("--ui-codec-endpoint", help="Accepted; has no effect.")] = (
        None
    )
    ui_disable_news_fetch: Annotated[bool, typer.Option("--ui-disable-news-fetch", help="Accepted; has no effect.")] = (
        False
    )

    def without_effect(self) -> list[str]:
        """The flags that were given and do nothing. `--headless` asks for what is the case anyway."""
        given = {
            "--http-port": self.http_port,
            "--metrics-port": self.metrics_port,
            "--ui-port": self.ui_port,
            "--ui-ip": self.ui_ip,
            "--ui-public-path": self.ui_public_path,
            "--ui-asset-path": self.ui_asset_path,
            "--ui-codec-endpoint": self.ui_codec_endpoint,
            "--ui-disable-news-fetch": self.ui_disable_news_fetch,
        }
        return [flag for flag, value in given.items() if value]
