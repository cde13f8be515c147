"""`wfctl config`: the profiles of temporal.toml."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from wfctl.commands._session import Session, session
from wfctl.commands._tree import LazyGroup, Row
from wfctl.config import (
    DEFAULT_PROFILE,
    PROPERTIES,
    delete_property,
    flatten_profile,
    read_profiles,
    set_property,
    write_profiles,
)
from wfctl.errors import CommandError, ExitCode, UsageMistake

_HERE = "wfctl.commands.config"

app = LazyGroup(
    {
        "get": Row(f"{_HERE}:get", "Show a profile, or one of its properties"),
        "set": Row(f"{_HERE}:set_value", "Set a property of a profile"),
        "list": Row(f"{_HERE}:list_profiles", "List the profiles"),
        "delete": Row(f"{_HERE}:delete", "Remove a property from a profile"),
        "delete-profile": Row(f"{_HERE}:delete_profile", "Remove a whole profile"),
    },
    help="Profiles of temporal.toml, which this command line, `temporal` and the SDKs share. --profile names one.",
)


def get(
    ctx: typer.Context,
    prop: Annotated[str | None, typer.Option("-p", "--prop", help="Property, such as tls.server_name.")] = None,
) -> None:
    """Show a profile, or one of its properties.

    wfctl config get --profile prod --prop address
    """
    with session(ctx) as opened:
        profile = _profile(opened)
        values = flatten_profile(profile, opened.source.path())
        if prop is None:
            opened.out.value(profile)
            opened.out.table(("Property", "Value"), [(name, _shown(values[name])) for name in sorted(values)])
            return
        _check_property(prop)
        if prop.startswith("grpc_meta.") and prop not in values:
            raise CommandError(f"{prop} is not set", exit_code=ExitCode.NOT_FOUND)
        value = values.get(prop, False if PROPERTIES.get(prop) is bool else "")
        opened.out.value({"property": prop, "value": value})
        opened.out.table(("Property", "Value"), [(prop, _shown(value))])


def set_value(
    ctx: typer.Context,
    prop: Annotated[str, typer.Option("-p", "--prop", help="Property, such as address or grpc_meta.x-team.")],
    value: Annotated[str, typer.Option("-v", "--value", help="Value; true or false where it is a switch.")],
) -> None:
    """Set a property of a profile, making the file and the profile if need be.

    wfctl config set --profile prod --prop address --value prod.example.com:7233
    """
    _check_property(prop)
    typed: str | bool = value
    if PROPERTIES.get(prop) is bool:
        if value not in ("true", "false"):
            raise UsageMistake(f"{prop} must be 'true' or 'false'")
        typed = value == "true"
    with session(ctx) as opened:
        path = opened.source.path()
        profiles = read_profiles(path)
        set_property(profiles.setdefault(_profile_name(opened), {}), prop, typed)
        write_profiles(path, profiles)


def list_profiles(ctx: typer.Context) -> None:
    """List the profiles of the file."""
    with session(ctx) as opened:
        names = sorted(read_profiles(opened.source.path()))
        opened.out.value([{"name": name} for name in names])
        opened.out.table(("Name",), [(name,) for name in names])


def delete(
    ctx: typer.Context,
    prop: Annotated[str, typer.Option("-p", "--prop", help="Property to remove.")],
) -> None:
    """Remove a property from a profile.

    wfctl config delete --profile prod --prop tls.client_cert_path
    """
    _check_property(prop)
    with session(ctx) as opened:
        path = opened.source.path()
        profiles = read_profiles(path)
        profile = _profile(opened, profiles)
        if not delete_property(profile, prop):
            raise CommandError(f"{prop} is not set in profile '{_profile_name(opened)}'", exit_code=ExitCode.NOT_FOUND)
        write_profiles(path, profiles)


def delete_profile(ctx: typer.Context) -> None:
    """Remove a whole profile; --profile must name it, so that it is not the default one by mistake.

    wfctl config delete-profile --profile old
    """
    with session(ctx) as opened:
        if not opened.flags.get("profile"):
            raise UsageMistake("missing option '--profile'", hint="a whole profile is only deleted when it is named")
        path = opened.source.path()
        profiles = read_profiles(path)
        _profile(opened, profiles)
        del profiles[_profile_name(opened)]
        write_profiles(path, profiles)


def _profile_name(opened: Session) -> str:
    return opened.source.profile_name() or DEFAULT_PROFILE


def _profile(opened: Session, profiles: dict[str, dict[str, Any]] | None = None) -> dict[str, Any]:
    path = opened.source.path()
    profiles = read_profiles(path) if profiles is None else profiles
    name = _profile_name(opened)
    if name not in profiles:
        raise CommandError(
            f"profile '{name}' is not in {path}",
            hint=f"known profiles: {', '.join(sorted(profiles)) or 'none'}",
            exit_code=ExitCode.NOT_FOUND,
        )
    return profiles[name]


def _check_property(prop: str) -> None:
    if prop in ("codec", "grpc_meta"):
        raise UsageMistake(f"'{prop}' has properties of its own; name one of them")
    if prop not in PROPERTIES and not (prop.startswith("grpc_meta.") and prop != "grpc_meta."):
        raise UsageMistake(f"there is no property '{prop}'", hint=f"one of {', '.join(PROPERTIES)}, grpc_meta.KEY")


def _shown(value: str | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else value
