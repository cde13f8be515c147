"""The `client-name` and `client-version` headers: a client too new for this protocol is turned away."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from wfctl.devserver.core.errors import ClientVersionNotSupported, InvalidArgument, ServiceError

# Client → the major version that is no longer understood. SDKs that are not here are not checked, as on the real server.
SUPPORTED_BELOW_MAJOR = {
    "temporal-go": 2,
    "temporal-java": 2,
    "temporal-php": 2,
    "temporal-typescript": 2,
    "temporal-cli": 2,
    "temporal-server": 2,
    "temporal-ui": 3,
    "Nexus-go-sdk": 2,
}
SUPPORTED_CLIENTS = {name: f"<{major}.0.0" for name, major in SUPPORTED_BELOW_MAJOR.items()}

_NUMBER = re.compile(r"0|[1-9][0-9]*")


def check(metadata: Iterable[tuple[str, str | bytes]] | None) -> None:
    """Raise when the call's client says it is one that this server does not support."""
    name = version = ""
    for key, value in metadata or ():
        if key == "client-name":
            name = str(value)
        elif key == "client-version":
            version = str(value)
    error = refusal(name, version)
    if error is not None:
        raise error


@lru_cache(maxsize=256)
def refusal(name: str, version: str) -> ServiceError | None:
    below_major = SUPPORTED_BELOW_MAJOR.get(name)
    if below_major is None or not version:
        return None
    parts = version.split(".", 2)
    if len(parts) != 3:
        return InvalidArgument("Unable to parse client version: No Major.Minor.Patch elements found")
    patch = re.split(r"[-+]", parts[2], maxsplit=1)[0]
    for part in (parts[0], parts[1], patch):
        if not _NUMBER.fullmatch(part):
            return InvalidArgument(f'Unable to parse client version: Invalid character(s) found in number "{part}"')
    if int(parts[0]) >= below_major and not _is_prerelease_of_limit(parts, patch, below_major):
        return ClientVersionNotSupported(version, name, SUPPORTED_CLIENTS[name])
    return None


def _is_prerelease_of_limit(parts: list[str], patch: str, below_major: int) -> bool:
    """2.0.0-rc.1 comes before 2.0.0."""
    return (int(parts[0]), int(parts[1]), int(patch)) == (below_major, 0, 0) and parts[2].startswith(f"{patch}-")
