"""How long a commit waits for company."""

from __future__ import annotations

from wfctl.devserver.storage.pacing import Pacing


def test_a_client_that_works_alone_waits_for_nobody() -> None:
    pacing = Pacing()
    assert pacing.wait_seconds() == 0
    for _ in range(100):
        pacing.begin([1])
        assert pacing.wait_seconds() == 0


def test_the_more_runs_write_the_longer_a_commit_gathers() -> None:
    few, many = Pacing(), Pacing()
    for commit in range(8):
        few.begin([commit])
        many.begin(range(commit, commit + 20))
    assert 0 < few.wait_seconds() < many.wait_seconds()


def test_the_wait_is_bounded_however_many_write() -> None:
    pacing = Pacing()
    pacing.begin(range(10_000))
    assert pacing.wait_seconds() == 0.005


def test_a_crowd_that_has_gone_is_forgotten() -> None:
    pacing = Pacing()
    pacing.begin(range(1000))
    for _ in range(8):
        pacing.begin([1])
    assert pacing.wait_seconds() == 0
