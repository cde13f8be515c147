"""Dynamic configuration values and config files."""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path

import pytest

from wfctl.commands.server._config_file import read_config_file
from wfctl.commands.server._dynamic_config import NAMES, apply_fields, read_flags
from wfctl.devserver.core.visibility.attributes import DOUBLE, KEYWORD
from wfctl.devserver.settings import Settings
from wfctl.errors import CommandError, UsageMistake


def test_every_name_stands_for_settings_that_exist() -> None:
    fields = {field.name for field in dataclasses.fields(Settings)}
    assert {field for targets in NAMES.values() for field in targets} <= fields


def test_every_name_that_the_settings_mention_is_understood() -> None:
    source = Path(inspect.getfile(Settings))
    mentioned = re.findall(r"# ((?:limit|history|matching|system)\.\w+(?:\.\w+)?)", source.read_text())
    assert mentioned
    # A threshold is a share of another limit there, and a count here.
    assert [name for name in mentioned if name.lower() not in NAMES and not name.endswith("Threshold")] == []


def test_values_are_json_and_durations_may_have_units() -> None:
    settings, unknown = read_flags(
        ["limit.maxIDLength=10", 'matching.longPollExpirationInterval="1.5s"', "history.longPollExpirationInterval=2"],
        Settings(),
    )
    assert unknown == []
    assert (settings.max_id_length, settings.long_poll_seconds) == (10, 1.5)
    assert (settings.history_long_poll_seconds, settings.update_long_poll_seconds) == (2, 2)


@pytest.mark.parametrize(
    "pair",
    [
        "frontend.enableServerVersionCheck=false",
        "frontend.workerVersioningRuleAPIs=true",
        "system.enableNexus=true",
        "worker.buildIdScavengerEnabled=true",
        "history.hostRPS=10000",
    ],
)
def test_what_sdks_pass_is_taken_without_a_word(pair: str) -> None:
    assert read_flags([pair], Settings()) == (Settings(), [])


def test_what_means_nothing_is_named() -> None:
    assert read_flags(["history.cacheMaxSize=3"], Settings()) == (Settings(), ["history.cacheMaxSize"])


@pytest.mark.parametrize("pair", ["limit.maxIDLength", "=1", "limit.maxIDLength=abc", "limit.maxIDLength=-1"])
def test_a_malformed_value_is_a_mistake(pair: str) -> None:
    with pytest.raises(UsageMistake):
        read_flags([pair], Settings())


def test_a_config_file_declares(tmp_path: Path) -> None:
    path = tmp_path / "wfctl.yaml"
    path.write_text(
        "namespaces:\n"
        "  orders: {retention: 7d, search-attributes: {CustomerId: Keyword}, description: Orders}\n"
        "  plain:\n"
        "search-attributes: {Total: double}\n"
        "settings: {max-id-length: 10, history.longPollExpirationInterval: 5s}\n"
    )
    config = read_config_file(path)
    orders, plain = config.namespaces
    assert (orders.name, orders.description, orders.retention_seconds) == ("orders", "Orders", 7 * 86400)
    assert orders.search_attributes == {"CustomerId": KEYWORD}
    assert (plain.name, plain.retention_seconds) == ("plain", None)
    assert config.search_attributes == {"Total": DOUBLE}
    settings, unknown = apply_fields(config.settings, Settings())
    assert (settings.max_id_length, settings.update_long_poll_seconds, unknown) == (10, 5.0, [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("namespace: {}", "unknown key 'namespace'"),
        ("namespaces: 3", "namespaces is not a mapping"),
        ("namespaces: {a: {retention: soon}}", "'soon' is not a duration"),
        ("namespaces: {a: {retention: 0s}}", "longer than nothing"),
        ("search-attributes: {A: Thing}", "'Thing' is not a type of search attribute"),
        ("search-attributes: {WorkflowId: Keyword}", "the name WorkflowId is taken"),
        ("a: [", "is not YAML"),
    ],
)
def test_a_config_file_with_a_mistake_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "wfctl.yaml"
    path.write_text(text)
    with pytest.raises(CommandError) as caught:
        read_config_file(path)
    assert message in caught.value.message


def test_an_unknown_setting_is_a_mistake_with_a_suggestion() -> None:
    with pytest.raises(UsageMistake) as caught:
        apply_fields({"memo-size": 3}, Settings())
    assert caught.value.hint == "did you mean 'memo_size_error'?"


def test_a_switch_is_true_or_false() -> None:
    settings, _ = read_flags(["system.enableCrossNamespaceCommands=true"], Settings())
    assert settings.cross_namespace_commands is True
    with pytest.raises(UsageMistake):
        read_flags(["system.enableCrossNamespaceCommands=1"], Settings())
