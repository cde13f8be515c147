"""Which server, which namespace, which credentials: flags, then environment, then `temporal.toml`.

The file and the variables are those of the `temporal` command line and of the SDKs' environment configuration, so one
profile serves them all:

    [profile.prod]
    address = "prod.example.com:7233"
    namespace = "orders"
    api_key = "…"

    [profile.prod.tls]
    client_cert_path = "…"

    [profile.prod.codec]
    endpoint = "…"

    [profile.prod.grpc_meta]
    some-header = "…"
"""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from wfctl.errors import CommandError, UsageMistake

DEFAULT_ADDRESS = "localhost:7233"
DEFAULT_NAMESPACE = "default"
DEFAULT_PROFILE = "default"

Values = dict[str, str | bool]
"""Settings by dotted property name (`tls.server_name`, `grpc_meta.x`); `tls` itself is a bool."""

PROPERTIES: Mapping[str, type[str] | type[bool]] = {
    "address": str,
    "namespace": str,
    "api_key": str,
    "authority": str,
    "tls": bool,
    "tls.disabled": bool,
    "tls.client_cert_path": str,
    "tls.client_cert_data": str,
    "tls.client_key_path": str,
    "tls.client_key_data": str,
    "tls.server_ca_cert_path": str,
    "tls.server_ca_cert_data": str,
    "tls.server_name": str,
    "tls.disable_host_verification": bool,
    "codec.endpoint": str,
    "codec.auth": str,
}

VARIABLES: Mapping[str, str] = {
    "TEMPORAL_ADDRESS": "address",
    "TEMPORAL_NAMESPACE": "namespace",
    "TEMPORAL_API_KEY": "api_key",
    "TEMPORAL_TLS": "tls",
    "TEMPORAL_TLS_CERT": "tls.client_cert_path",
    "TEMPORAL_TLS_CERT_DATA": "tls.client_cert_data",
    "TEMPORAL_TLS_KEY": "tls.client_key_path",
    "TEMPORAL_TLS_KEY_DATA": "tls.client_key_data",
    "TEMPORAL_TLS_CA": "tls.server_ca_cert_path",
    "TEMPORAL_TLS_CA_DATA": "tls.server_ca_cert_data",
    "TEMPORAL_TLS_CLIENT_CERT_PATH": "tls.client_cert_path",
    "TEMPORAL_TLS_CLIENT_CERT_DATA": "tls.client_cert_data",
    "TEMPORAL_TLS_CLIENT_KEY_PATH": "tls.client_key_path",
    "TEMPORAL_TLS_CLIENT_KEY_DATA": "tls.client_key_data",
    "TEMPORAL_TLS_SERVER_CA_CERT_PATH": "tls.server_ca_cert_path",
    "TEMPORAL_TLS_SERVER_CA_CERT_DATA": "tls.server_ca_cert_data",
    "TEMPORAL_TLS_SERVER_NAME": "tls.server_name",
    "TEMPORAL_TLS_DISABLE_HOST_VERIFICATION": "tls.disable_host_verification",
    "TEMPORAL_CODEC_ENDPOINT": "codec.endpoint",
    "TEMPORAL_CODEC_AUTH": "codec.auth",
}
_GRPC_META_VARIABLE = "TEMPORAL_GRPC_META_"


@dataclass(frozen=True, slots=True)
class Tls:
    client_cert: bytes | None = None
    client_key: bytes | None = None
    server_ca_cert: bytes | None = None
    server_name: str | None = None
    disable_host_verification: bool = False


@dataclass(frozen=True, slots=True)
class Codec:
    endpoint: str
    auth: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Connection:
    """Everything that is needed to open a channel."""

    address: str = DEFAULT_ADDRESS
    namespace: str = DEFAULT_NAMESPACE
    api_key: str | None = None
    authority: str | None = None
    grpc_meta: Mapping[str, str] = field(default_factory=dict)
    tls: Tls | None = None
    codec: Codec | None = None
    namespace_is_given: bool = False


@dataclass(frozen=True, slots=True)
class ConfigSource:
    """Where settings may come from, besides the flags."""

    environ: Mapping[str, str]
    file: str | None = None
    profile: str | None = None
    use_file: bool = True
    use_environ: bool = True

    def path(self) -> Path:
        named = self.file or (self.environ.get("TEMPORAL_CONFIG_FILE") if self.use_environ else None)
        return Path(named) if named else default_config_file(self.environ)

    def profile_name(self) -> str | None:
        """The profile that was asked for; None when none was, which means the default one if it exists."""
        return self.profile or (self.environ.get("TEMPORAL_PROFILE") if self.use_environ else None) or None


def default_config_file(environ: Mapping[str, str], platform: str = sys.platform) -> Path:
    home = Path(environ.get("HOME") or environ.get("USERPROFILE") or ".")
    if platform == "win32":
        base = Path(environ.get("APPDATA") or home / "AppData" / "Roaming")
    elif platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        base = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    return base / "temporalio" / "temporal.toml"


# Reading.


def load_values(source: ConfigSource) -> Values:
    """The settings of file and environment, the environment on top."""
    values: Values = {}
    if source.use_file:
        values.update(_file_values(source))
    if source.use_environ:
        _lay_environ_over(values, source.environ)
    return values


def _file_values(source: ConfigSource) -> Values:
    name = source.profile_name()
    profiles = read_profiles(source.path())
    wanted = name or DEFAULT_PROFILE
    if wanted not in profiles:
        if name is None:
            return {}
        known = ", ".join(sorted(profiles)) or "none"
        raise UsageMistake(
            f"profile '{name}' is not in {source.path()}", hint=f"known profiles: {known}; see `wfctl config list`"
        )
    return flatten_profile(profiles[wanted], source.path())


def _lay_environ_over(values: Values, environ: Mapping[str, str]) -> None:
    for variable, name in VARIABLES.items():
        text = environ.get(variable)
        if text:
            values[name] = _boolean(variable, text) if PROPERTIES[name] is bool else text
            if name.startswith("tls."):
                values.setdefault("tls", True)
    for variable, text in environ.items():
        if variable.startswith(_GRPC_META_VARIABLE):
            key = "grpc_meta." + variable.removeprefix(_GRPC_META_VARIABLE).lower().replace("_", "-")
            if text:
                values[key] = text
            else:
                values.pop(key, None)


def _boolean(name: str, text: str) -> bool:
    lowered = text.strip().lower()
    if lowered in ("1", "t", "true", "yes", "on"):
        return True
    if lowered in ("0", "f", "false", "no", "off"):
        return False
    raise UsageMistake(f"{name}='{text}' is neither true nor false")


def read_profiles(path: Path) -> dict[str, dict[str, Any]]:
    """The profiles of a file; a file that is not there has none."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise CommandError(f"cannot read {path}: {error.strerror}") from error
    try:
        profiles = tomllib.loads(text).get("profile", {})
    except tomllib.TOMLDecodeError as error:
        raise CommandError(
            f"{path} is not valid TOML: {error}", hint="fix the line, or pass --disable-config-file"
        ) from error
    if not isinstance(profiles, dict) or not all(isinstance(profile, dict) for profile in profiles.values()):
        raise CommandError(f"{path}: [profile] is not a table of tables", hint="a profile begins with [profile.NAME]")
    return profiles


def flatten_profile(profile: Mapping[str, Any], path: Path) -> Values:
    """A profile's table as dotted properties; keys that nobody knows are left alone."""
    values: Values = {}
    for key, value in profile.items():
        if key == "grpc_meta" and isinstance(value, dict):
            values.update({f"grpc_meta.{name.lower().replace('_', '-')}": str(meta) for name, meta in value.items()})
        elif key in ("tls", "codec") and isinstance(value, dict):
            if key == "tls":
                values["tls"] = True
            for inner, inner_value in value.items():
                _take(values, f"{key}.{inner}", inner_value, path)
        else:
            _take(values, key, value, path)
    return values


def _take(values: Values, name: str, value: Any, path: Path) -> None:
    kind = PROPERTIES.get(name)
    if kind is None:
        return
    if not isinstance(value, kind):
        raise CommandError(f"{path}: {name} must be a {'boolean' if kind is bool else 'string'}, not {value!r}")
    values[name] = value


# From values to a connection.


def connection_from(values: Values, codec_headers: Mapping[str, str] | None = None) -> Connection:
    def text(name: str) -> str | None:
        value = values.get(name)
        return value if isinstance(value, str) and value else None

    namespace = text("namespace") or DEFAULT_NAMESPACE
    address = (text("address") or DEFAULT_ADDRESS).replace("${namespace}", namespace)
    connection = Connection(
        address=address,
        namespace=namespace,
        namespace_is_given="namespace" in values,
        api_key=text("api_key"),
        authority=text("authority"),
        grpc_meta={
            name.removeprefix("grpc_meta."): str(value)
            for name, value in values.items()
            if name.startswith("grpc_meta.")
        },
        tls=_tls(values),
    )
    endpoint = text("codec.endpoint")
    if endpoint is None:
        return connection
    codec = Codec(endpoint.replace("{namespace}", namespace), text("codec.auth"), dict(codec_headers or {}))
    return replace(connection, codec=codec)


def _tls(values: Values) -> Tls | None:
    """TLS is on when asked for, and with an API key; it is off when that is said in so many words."""
    if values.get("tls.disabled") is True or values.get("tls") is False:
        return None
    if values.get("tls") is not True and not values.get("api_key"):
        return None
    name = values.get("tls.server_name")
    return Tls(
        client_cert=_material(values, "tls.client_cert"),
        client_key=_material(values, "tls.client_key"),
        server_ca_cert=_material(values, "tls.server_ca_cert"),
        server_name=name if isinstance(name, str) and name else None,
        disable_host_verification=values.get("tls.disable_host_verification") is True,
    )


def _material(values: Values, prefix: str) -> bytes | None:
    data, path = values.get(f"{prefix}_data"), values.get(f"{prefix}_path")
    if data and path:
        raise UsageMistake(f"both {prefix}_path and {prefix}_data are set", hint="keep one of the two")
    if isinstance(data, str) and data:
        return data.encode()
    if not isinstance(path, str) or not path:
        return None
    try:
        return Path(path).expanduser().read_bytes()
    except OSError as error:
        raise UsageMistake(f"cannot read {prefix}_path {path}: {error.strerror}") from error


# Writing.


def write_profiles(path: Path, profiles: Mapping[str, Mapping[str, Any]]) -> None:
    """Replace the file in one step, readable by its owner only, for it may hold keys."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = to_toml({"profile": profiles})
    temporary = path.with_name(path.name + ".new")
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        temporary.replace(path)
    except OSError as error:
        raise CommandError(f"cannot write {path}: {error.strerror}") from error


def set_property(profile: dict[str, Any], name: str, value: str | bool) -> None:
    """Set a dotted property in a profile's table."""
    parent, _, key = name.rpartition(".")
    if name == "tls":
        if value is False:
            profile.pop("tls", None)
        elif not isinstance(profile.get("tls"), dict):
            profile["tls"] = {}
        return
    if not parent:
        profile[key] = value
        return
    table = profile.get(parent)
    if not isinstance(table, dict):
        table = profile[parent] = {}
    table[key] = value


def delete_property(profile: dict[str, Any], name: str) -> bool:
    """Remove a dotted property; False if it was not there."""
    parent, _, key = name.rpartition(".")
    table = profile.get(parent) if parent else profile
    if not isinstance(table, dict) or key not in table:
        return False
    del table[key]
    return True


def to_toml(document: Mapping[str, Any]) -> str:
    """The TOML of a tree of tables whose leaves are strings, numbers, booleans and arrays of these."""
    lines: list[str] = []
    _table(lines, (), document)
    return "\n".join(lines).strip() + "\n"


def _table(lines: list[str], path: tuple[str, ...], table: Mapping[str, Any]) -> None:
    leaves = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
    if path and (leaves or not table):
        lines.extend(["", f"[{'.'.join(_key(part) for part in path)}]"])
    lines.extend(f"{_key(key)} = {_leaf(value)}" for key, value in leaves.items())
    for key, value in table.items():
        if isinstance(value, Mapping):
            _table(lines, (*path, key), value)


def _key(key: str) -> str:
    bare = bool(key) and all(char.isascii() and (char.isalnum() or char in "-_") for char in key)
    return key if bare else _leaf(key)


def _leaf(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + "".join(_ESCAPES.get(char) or _escaped(char) for char in value) + '"'
    if isinstance(value, list):
        return f"[{', '.join(_leaf(item) for item in value)}]"
    return str(value)


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def _escaped(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) < 32 or ord(char) == 127 else char
