"""The rules, and the document that lists them."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.server import ROOT
from wfctl.replay import catalogue

_REPLAY = ROOT / "wfctl" / "replay"


def test_a_rule_says_what_caused_it_and_what_to_do() -> None:
    for rule in catalogue.RULES.values():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.id)
        assert all(len(text) > 10 for text in (rule.title, rule.cause, rule.explanation, rule.fix)), rule.id


def test_every_rule_that_the_code_names_is_in_the_catalogue() -> None:
    pattern = re.compile(r'(?:_verdict\(case, |rule=|rule = |Finding\(\s*|_plain\()"([a-z]+(?:-[a-z]+)+)"')
    named = {name for file in _REPLAY.glob("*.py") for name in pattern.findall(Path(file).read_text())}
    assert len(named) > 15
    assert named <= set(catalogue.RULES)


def test_the_document_lists_every_rule() -> None:
    document = (ROOT / "docs" / "replay-rules.md").read_text()
    assert document == catalogue.document(), "run python -m wfctl.replay.catalogue > docs/replay-rules.md"
