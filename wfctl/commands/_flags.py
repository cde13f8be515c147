"""The flags that every command takes: output and connection.

They may stand anywhere on the line, `wfctl -o json workflow list` as well as `wfctl workflow list -o json`, and are
hidden from each command's own help; `wfctl options` lists them. They are read here, once, so that no command has to
repeat them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Annotated, Literal

import typer

from wfctl.view.durations import parse_duration

DURATION = {"parser": parse_duration, "metavar": "DURATION"}


def _opt(*names: str, help: str, env: str | None = None, metavar: str | None = None) -> typer.models.OptionInfo:
    text = f"{help} Env: {env}." if env else help
    option: typer.models.OptionInfo = typer.Option(*names, help=text, metavar=metavar)
    return option


@dataclass(kw_only=True)
class GlobalFlags:
    """Output, and where the configuration comes from."""

    output: Annotated[
        Literal["text", "json", "jsonl", "none"] | None, _opt("-o", "--output", help="Format of the data on stdout.")
    ] = None
    time_format: Annotated[
        Literal["relative", "iso", "raw"] | None, _opt("--time-format", help="How text output writes times.")
    ] = None
    color: Annotated[Literal["always", "never", "auto"] | None, _opt("--color", help="When to colour text.")] = None
    no_json_shorthand_payloads: Annotated[
        bool | None,
        typer.Option("--no-json-shorthand-payloads", help="Print payloads as stored, even with JSON output."),
    ] = None
    command_timeout: Annotated[
        timedelta | None,
        typer.Option("--command-timeout", help="Give up after this long.", parser=parse_duration, metavar="DURATION"),
    ] = None
    client_connect_timeout: Annotated[
        timedelta | None,
        typer.Option(
            "--client-connect-timeout",
            help="How long to wait for the server to answer.",
            parser=parse_duration,
            metavar="DURATION",
        ),
    ] = None
    log_level: Annotated[
        Literal["debug", "info", "warn", "error", "never"] | None,
        _opt("--log-level", help="How much to say on stderr about the calls that are made."),
    ] = None
    log_format: Annotated[
        Literal["text", "json", "pretty"] | None, _opt("--log-format", help="Format of that log.")
    ] = None
    config_file: Annotated[
        str | None, _opt("--config-file", help="Path of the TOML configuration.", env="TEMPORAL_CONFIG_FILE")
    ] = None
    profile: Annotated[str | None, _opt("--profile", help="Profile of that file to use.", env="TEMPORAL_PROFILE")] = (
        None
    )
    disable_config_file: Annotated[
        bool | None, typer.Option("--disable-config-file", help="Read no configuration file.")
    ] = None
    disable_config_env: Annotated[
        bool | None, typer.Option("--disable-config-env", help="Read no configuration from the environment.")
    ] = None
    env: Annotated[
        str | None, _opt("--env", help="Environment of the older temporal.yaml; prefer --profile.", env="TEMPORAL_ENV")
    ] = None
    env_file: Annotated[str | None, _opt("--env-file", help="Path of that file.", env="TEMPORAL_ENV_FILE")] = None


@dataclass(kw_only=True)
class ClientFlags:
    """Which server, and as whom."""

    address: Annotated[
        str | None, _opt("--address", help="Server's gRPC endpoint (localhost:7233).", env="TEMPORAL_ADDRESS")
    ] = None
    namespace: Annotated[
        str | None, _opt("-n", "--namespace", help="Namespace (default).", env="TEMPORAL_NAMESPACE")
    ] = None
    api_key: Annotated[str | None, _opt("--api-key", help="API key; turns TLS on.", env="TEMPORAL_API_KEY")] = None
    grpc_meta: Annotated[
        list[str] | None, _opt("--grpc-meta", help="Header of each call, KEY=VALUE; repeatable.", metavar="KEY=VALUE")
    ] = None
    client_authority: Annotated[str | None, _opt("--client-authority", help="The calls' :authority.")] = None
    identity: Annotated[str | None, _opt("--identity", help="Who the server's events say did this.")] = None
    tls: Annotated[
        bool | None, typer.Option("--tls/--no-tls", help="Use TLS; on by itself with an API key. Env: TEMPORAL_TLS.")
    ] = None
    tls_cert_path: Annotated[
        str | None, _opt("--tls-cert-path", help="Client certificate.", env="TEMPORAL_TLS_CLIENT_CERT_PATH")
    ] = None
    tls_cert_data: Annotated[
        str | None, _opt("--tls-cert-data", help="Client certificate, inline.", env="TEMPORAL_TLS_CLIENT_CERT_DATA")
    ] = None
    tls_key_path: Annotated[
        str | None, _opt("--tls-key-path", help="Client's private key.", env="TEMPORAL_TLS_CLIENT_KEY_PATH")
    ] = None
    tls_key_data: Annotated[
        str | None, _opt("--tls-key-data", help="Client's private key, inline.", env="TEMPORAL_TLS_CLIENT_KEY_DATA")
    ] = None
    tls_ca_path: Annotated[
        str | None, _opt("--tls-ca-path", help="Server's CA certificate.", env="TEMPORAL_TLS_SERVER_CA_CERT_PATH")
    ] = None
    tls_ca_data: Annotated[
        str | None, _opt("--tls-ca-data", help="The same, inline.", env="TEMPORAL_TLS_SERVER_CA_CERT_DATA")
    ] = None
    tls_disable_host_verification: Annotated[
        bool | None,
        typer.Option(
            "--tls-disable-host-verification",
            help="Accept whatever certificate the server shows. Env: TEMPORAL_TLS_DISABLE_HOST_VERIFICATION.",
        ),
    ] = None
    tls_server_name: Annotated[
        str | None, _opt("--tls-server-name", help="Name to expect in it.", env="TEMPORAL_TLS_SERVER_NAME")
    ] = None
    codec_endpoint: Annotated[
        str | None, _opt("--codec-endpoint", help="Remote codec server.", env="TEMPORAL_CODEC_ENDPOINT")
    ] = None
    codec_auth: Annotated[
        str | None, _opt("--codec-auth", help="Its Authorization header.", env="TEMPORAL_CODEC_AUTH")
    ] = None
    codec_header: Annotated[
        list[str] | None, _opt("--codec-header", help="Another header for it; repeatable.", metavar="KEY=VALUE")
    ] = None


CONFIG_PROPERTY: dict[str, str] = {
    "address": "address",
    "namespace": "namespace",
    "api_key": "api_key",
    "client_authority": "authority",
    "tls": "tls",
    "tls_cert_path": "tls.client_cert_path",
    "tls_cert_data": "tls.client_cert_data",
    "tls_key_path": "tls.client_key_path",
    "tls_key_data": "tls.client_key_data",
    "tls_ca_path": "tls.server_ca_cert_path",
    "tls_ca_data": "tls.server_ca_cert_data",
    "tls_disable_host_verification": "tls.disable_host_verification",
    "tls_server_name": "tls.server_name",
    "codec_endpoint": "codec.endpoint",
    "codec_auth": "codec.auth",
}
"""Which configuration property a flag overrides."""

FLAG_NAMES: frozenset[str] = frozenset(f.name for flags in (GlobalFlags, ClientFlags) for f in fields(flags))
