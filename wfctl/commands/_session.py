"""What a command works with: its output, its settings and, once it needs one, a client."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import typer

from wfctl.commands._flags import CONFIG_PROPERTY
from wfctl.commands._inputs import split_pair
from wfctl.commands._tree import given_flags
from wfctl.config import ConfigSource, Connection, Values, connection_from, load_values
from wfctl.errors import CommandError, UsageMistake
from wfctl.output import Output
from wfctl.view.durations import TimeFormat, format_time

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from google.protobuf.timestamp_pb2 import Timestamp
    from temporalio.api.operatorservice.v1 import OperatorServiceStub
    from temporalio.api.workflowservice.v1 import WorkflowServiceStub

    from wfctl.client import Client


@dataclass
class Session:
    flags: dict[str, Any]
    out: Output
    now: datetime = field(default_factory=lambda: _now())

    @property
    def shorthand(self) -> bool:
        return not self.flags.get("no_json_shorthand_payloads")

    @cached_property
    def source(self) -> ConfigSource:
        return ConfigSource(
            environ=os.environ,
            file=self.flags.get("config_file"),
            profile=self.flags.get("profile"),
            use_file=not self.flags.get("disable_config_file"),
            use_environ=not self.flags.get("disable_config_env"),
        )

    @cached_property
    def connection(self) -> Connection:
        values = load_values(self.source)
        values.update(_older_environment(self.flags))
        values.update(_flag_values(self.flags))
        headers = key_values(self.flags.get("codec_header"), "--codec-header")
        return connection_from(values, headers)

    @cached_property
    def client(self) -> Client:
        from wfctl.client import Client, Limits

        return Client(
            self.connection,
            identity=self.flags.get("identity"),
            limits=Limits(self.flags.get("command_timeout"), self.flags.get("client_connect_timeout")),
            log=self._log() if self.flags.get("log_level") == "debug" else None,
        )

    def _log(self) -> Callable[[str], None]:
        as_json = self.flags.get("log_format") == "json"
        return lambda line: self.out.note(json.dumps({"level": "debug", "msg": line}) if as_json else f"debug: {line}")

    @property
    def workflow_service(self) -> WorkflowServiceStub:
        return self.client.workflow_service

    @property
    def operator_service(self) -> OperatorServiceStub:
        return self.client.operator_service

    def call(self, method: str, request: Message) -> Any:
        """A method of WorkflowService by its name."""
        return getattr(self.workflow_service, method)(request)

    @property
    def namespace(self) -> str:
        return self.connection.namespace

    def close(self) -> None:
        if "client" in self.__dict__:
            self.client.close()

    # Printing what commands have in common.

    def time(self, stamp: Timestamp | None) -> str:
        """A timestamp as `--time-format` wants it; nothing for none."""
        style: TimeFormat = self.flags.get("time_format") or "relative"
        return format_time(to_datetime(stamp), style, self.now)

    def message(self, message: Message, *, shorthand: bool | None = None) -> None:
        """A protobuf message as one JSON value."""
        if self.out.is_json:
            self.out.value(self.as_json(message, shorthand=shorthand))

    def as_json(self, message: Message, *, shorthand: bool | None = None) -> Any:
        from wfctl.view.protojson import to_json

        return to_json(message, shorthand=self.shorthand if shorthand is None else shorthand)

    def confirm(self, question: str, *, already: bool) -> None:
        """Ask before something that cannot be undone; anything but yes ends the command."""
        if already:
            return
        if self.out.is_json:
            raise UsageMistake("a question cannot be asked with JSON output", hint="pass --yes")
        sys.stderr.write(f"{question} y/N ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise CommandError("not confirmed; nothing was done")


@contextmanager
def session(ctx: typer.Context) -> Iterator[Session]:
    flags = given_flags(ctx)
    out = Output(format=flags.get("output") or "text", color=flags.get("color") or "auto")
    opened = Session(flags, out)
    try:
        yield opened
    finally:
        opened.close()
        out.flush()


def _now() -> datetime:
    return datetime.now(UTC)


def to_datetime(stamp: Timestamp | None) -> datetime | None:
    if stamp is None or stamp.seconds <= 0:  # unset, or Go's zero time in the year 1
        return None
    return stamp.ToDatetime(tzinfo=UTC)


def key_values(pairs: list[str] | None, flag: str) -> dict[str, str]:
    """`KEY=VALUE` flags as a dictionary."""
    return dict(split_pair(pair, flag) for pair in pairs or ())


def _flag_values(flags: dict[str, Any]) -> Values:
    values: Values = {}
    for flag, name in CONFIG_PROPERTY.items():
        if flags.get(flag) is not None:
            values[name] = flags[flag]
            if name.startswith("tls."):
                values["tls"] = True
    if flags.get("tls") is False:
        values["tls"] = False
    elif values.get("tls") is True:
        values["tls.disabled"] = False
    for key, value in key_values(flags.get("grpc_meta"), "--grpc-meta").items():
        values[f"grpc_meta.{key}"] = value
    return values


def _older_environment(flags: dict[str, Any]) -> Values:
    """The flags that `temporal env set` keeps in temporal.yaml, for those who still use it."""
    name = flags.get("env") or os.environ.get("TEMPORAL_ENV")
    if not name:
        return {}
    import yaml

    from wfctl.config import default_config_file

    path = (
        flags.get("env_file")
        or os.environ.get("TEMPORAL_ENV_FILE")
        or default_config_file(os.environ).with_suffix(".yaml")
    )
    try:
        with open(path, encoding="utf-8") as file:
            environments = (yaml.safe_load(file) or {}).get("env", {})
    except FileNotFoundError:
        environments = {}
    except (OSError, yaml.YAMLError) as error:
        raise CommandError(f"cannot read {path}: {error}") from error
    if name not in environments:
        if name == "default":
            return {}
        raise UsageMistake(f"environment '{name}' is not in {path}", hint="use --profile and temporal.toml instead")
    kept = {flag.replace("-", "_"): value for flag, value in (environments[name] or {}).items()}
    return {CONFIG_PROPERTY[flag]: value for flag, value in kept.items() if flag in CONFIG_PROPERTY}
