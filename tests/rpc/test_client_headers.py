"""The client-name and client-version headers."""

from __future__ import annotations

import pytest

from wfctl.devserver.core.errors import ClientVersionNotSupported, InvalidArgument
from wfctl.devserver.rpc.client_headers import check, refusal


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("", ""),
        ("temporal-go", ""),
        ("temporal-go", "1.99.0"),
        ("temporal-go", "2.0.0-rc.1"),
        ("temporal-python", "9.0.0"),
        ("mine", "what?"),
    ],
)
def test_a_client_that_is_old_enough_or_unknown_is_served(name: str, version: str) -> None:
    assert refusal(name, version) is None


def test_a_client_that_is_too_new_is_told_what_is_supported() -> None:
    with pytest.raises(ClientVersionNotSupported, match=r"Server supports temporal-ui versions: <3\.0\.0"):
        check([("client-name", "temporal-ui"), ("client-version", "3.0.0")])


@pytest.mark.parametrize("version", ["not-semver", "1.0", "1.x.0", "01.0.0"])
def test_a_version_that_is_none_is_an_invalid_argument(version: str) -> None:
    assert isinstance(refusal("temporal-go", version), InvalidArgument)
