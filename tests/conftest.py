"""What every test shares: the rule that CI skips nothing for want of a toolchain."""

from __future__ import annotations

import os
import shutil

import pytest

_TOOLCHAINS = {"needs_node": "node", "needs_go": "go"}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A person without Node or Go may still run the suite; under CI a missing toolchain is a failure."""
    for marker, program in _TOOLCHAINS.items():
        if item.get_closest_marker(marker) is None or shutil.which(program) is not None:
            continue
        reason = f"{program} is not on PATH"
        if os.environ.get("CI"):
            pytest.fail(f"{reason}, and under CI nothing is skipped for want of a toolchain", pytrace=False)
        pytest.skip(reason)
