"""`wfctl config`, and where settings come from."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from tests.commands.conftest import Run
from wfctl.config import (
    ConfigSource,
    Connection,
    connection_from,
    default_config_file,
    load_values,
    read_profiles,
    to_toml,
)
from wfctl.errors import CommandError

FILE = """
[profile.default]
address = "from-file:1"
namespace = "from-file"

[profile.prod]
address = "${namespace}.example.com:7233"
namespace = "orders"
api_key = "key"

[profile.prod.tls]
server_name = "name"

[profile.prod.codec]
endpoint = "http://codec/{namespace}"
auth = "auth"

[profile.prod.grpc_meta]
Some_Header = "x"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "temporal.toml"
    path.write_text(FILE)
    return path


def resolve(file: Path, profile: str | None = None, **environ: str) -> Connection:
    return connection_from(load_values(ConfigSource(environ=environ, file=str(file), profile=profile)))


def test_the_environment_beats_the_file(file: Path) -> None:
    assert resolve(file).address == "from-file:1"
    connection = resolve(file, TEMPORAL_ADDRESS="from-env:1")
    assert (connection.address, connection.namespace) == ("from-env:1", "from-file")


def test_a_profile_brings_tls_codec_and_headers(file: Path) -> None:
    connection = resolve(file, "prod")
    assert connection.address == "orders.example.com:7233"
    assert connection.grpc_meta == {"some-header": "x"}
    assert connection.tls is not None
    assert connection.tls.server_name == "name"
    assert connection.codec is not None
    assert (connection.codec.endpoint, connection.codec.auth) == ("http://codec/orders", "auth")
    assert resolve(file, TEMPORAL_PROFILE="prod").namespace == "orders"


def test_file_and_environment_can_be_left_out(file: Path) -> None:
    environ = {"TEMPORAL_ADDRESS": "from-env:1"}
    without_file = ConfigSource(environ=environ, file=str(file), use_file=False)
    assert connection_from(load_values(without_file)).namespace == "default"
    without_environ = ConfigSource(environ=environ, file=str(file), use_environ=False)
    assert connection_from(load_values(without_environ)).address == "from-file:1"


def test_tls_is_on_with_a_key_and_off_when_told_so(file: Path) -> None:
    nowhere = file.with_name("nowhere.toml")
    assert resolve(nowhere).tls is None
    assert resolve(nowhere, TEMPORAL_API_KEY="k").tls is not None
    assert resolve(nowhere, TEMPORAL_API_KEY="k", TEMPORAL_TLS="false").tls is None
    assert resolve(nowhere, TEMPORAL_TLS_SERVER_NAME="n").tls is not None
    with pytest.raises(CommandError, match="TEMPORAL_TLS='maybe' is neither true nor false"):
        resolve(nowhere, TEMPORAL_TLS="maybe")


def test_certificates_come_from_files_or_inline(file: Path, tmp_path: Path) -> None:
    certificate = tmp_path / "cert.pem"
    certificate.write_text("CERT")
    connection = resolve(file, TEMPORAL_TLS_CLIENT_CERT_PATH=str(certificate), TEMPORAL_TLS_CLIENT_KEY_DATA="KEY")
    assert connection.tls is not None
    assert (connection.tls.client_cert, connection.tls.client_key) == (b"CERT", b"KEY")
    with pytest.raises(CommandError, match=r"both .* are set"):
        resolve(file, TEMPORAL_TLS_CLIENT_CERT_PATH="x", TEMPORAL_TLS_CLIENT_CERT_DATA="y")


def test_headers_from_the_environment_may_be_taken_away_again(file: Path) -> None:
    assert resolve(file, "prod", TEMPORAL_GRPC_META_SOME_HEADER="").grpc_meta == {}
    assert resolve(file, TEMPORAL_GRPC_META_A_B="c").grpc_meta == {"a-b": "c"}


def test_the_file_lies_where_other_tools_look() -> None:
    home = {"HOME": "/h"}
    assert default_config_file(home, "linux") == Path("/h/.config/temporalio/temporal.toml")
    assert default_config_file({**home, "XDG_CONFIG_HOME": "/x"}, "linux") == Path("/x/temporalio/temporal.toml")
    assert default_config_file(home, "darwin") == Path("/h/Library/Application Support/temporalio/temporal.toml")
    assert default_config_file({"APPDATA": "/a"}, "win32") == Path("/a/temporalio/temporal.toml")


def test_a_broken_file_says_where(run: Run, tmp_path: Path) -> None:
    (tmp_path / "temporal.toml").write_text("[profile.default]\naddress = \n")
    done = run("config", "list")
    assert done.code == 1
    assert "is not valid TOML: Invalid value (at line 2" in done.err


def test_a_value_of_the_wrong_kind_is_refused(file: Path) -> None:
    file.write_text("[profile.default]\naddress = 5\n")
    with pytest.raises(CommandError, match="address must be a string, not 5"):
        resolve(file)


def test_toml_written_reads_back() -> None:
    document = {"profile": {"a b": {"text": 'q"\\\n\x01é', "on": True, "list": ["x"], "empty": {}, "t": {"k": "v"}}}}
    assert tomllib.loads(to_toml(document)) == document


# The commands.


def test_set_get_list_and_delete(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "temporal.toml"
    for prop, value in (("address", "a:1"), ("tls.server_name", "n"), ("grpc_meta.x-y", "z")):
        assert run("config", "set", "--profile", "prod", "-p", prop, "-v", value).code == 0
    assert read_profiles(path) == {"prod": {"address": "a:1", "tls": {"server_name": "n"}, "grpc_meta": {"x-y": "z"}}}
    assert path.stat().st_mode & 0o777 == 0o600
    assert run("config", "get", "--profile", "prod").out == (
        "  Property         Value\n  address          a:1\n  grpc_meta.x-y    z\n"
        "  tls              true\n  tls.server_name  n\n"
    )
    one = run("config", "get", "--profile", "prod", "-p", "address", "-o", "json").out
    assert json.loads(one) == {"property": "address", "value": "a:1"}
    assert run("config", "list").out == "  Name\n  prod\n"
    assert run("config", "delete", "--profile", "prod", "-p", "tls.server_name").code == 0
    assert run("config", "delete", "--profile", "prod", "-p", "tls.server_name").code == 3
    assert run("config", "delete-profile").code == 2
    assert run("config", "delete-profile", "--profile", "prod").code == 0
    assert read_profiles(path) == {}


def test_tls_is_a_switch_and_a_table(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "temporal.toml"
    run("config", "set", "-p", "tls", "-v", "true")
    assert read_profiles(path) == {"default": {"tls": {}}}
    run("config", "set", "-p", "tls", "-v", "false")
    assert read_profiles(path) == {"default": {}}


@pytest.mark.parametrize("prop", ["nope", "codec", "grpc_meta", "grpc_meta."])
def test_unknown_properties_are_refused(run: Run, prop: str) -> None:
    assert run("config", "set", "-p", prop, "-v", "x").code == 2
