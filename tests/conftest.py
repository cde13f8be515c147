"""What every test shares: the rule that CI skips nothing for want of a toolchain."""

from __future__ import annotations

import os
import shutil

import pytest

_TOOLCHAINS = {
    "needs_node": ("node",),
    "needs_go": ("go",),
    "needs_chromium": ("chromium", "chromium-browser", "google-chrome"),
    "needs_tmux": ("tmux",),
}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A person without Node, Go or a browser may still run the suite; under CI a missing toolchain is a failure."""
    for marker, programs in _TOOLCHAINS.items():
        if item.get_closest_marker(marker) is None or any(shutil.which(program) for program in programs):
            continue
        reason = f"{programs[0]} is not on PATH"
        if os.environ.get("CI"):
            pytest.fail(f"{reason}, and under CI nothing is skipped for want of a toolchain", pytrace=False)
        pytest.skip(reason)
