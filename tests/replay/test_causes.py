"""Where code that is not deterministic gets its values from."""

from __future__ import annotations

from pathlib import Path

import pytest

from wfctl.replay import causes, source

_HEAD = """
import datetime as dt
import os
import random
import time
import uuid
from datetime import datetime
from random import randint as draw
from temporalio import workflow

SEEN: list[str] = []
FIXED = ["a", "b"]

def is_late():
    return time.time() > 5

class Flow:
    def __init__(self):
        self.kinds = {"a", "b"}

    async def run(self, name):
        SEEN.append(name)
"""


def cause_of(directory: Path, body: str) -> str | None:
    """What the line marked HERE depends on."""
    file = directory / f"flow{abs(hash(body))}.py"
    text = _HEAD + "".join(f"        {line}\n" for line in body.splitlines())
    file.write_text(text)
    parsed = source.parsed(str(file))
    assert parsed is not None
    line = next(number for number, one in enumerate(text.splitlines(), start=1) if "HERE" in one)
    found = causes.dependence([(parsed, parsed.at(line))])
    return found[0] if found is not None else None


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ("if time.time() > 5:\n    await act()  # HERE", "time"),
        ("if datetime.now().hour > 5:\n    await act()  # HERE", "time"),
        ("if dt.datetime.utcnow().hour > 5:\n    await act()  # HERE", "time"),
        ("if is_late():\n    await act()  # HERE", "time"),
        ("now = time.monotonic()\nlate = now > 7\nif late:\n    await act()  # HERE", "time"),
        ("if random.random() > 0.5:\n    await act()  # HERE", "random"),
        ("if draw(1, 6) == 6:\n    await act()  # HERE", "random"),
        ("await act(f'x-{uuid.uuid4()}')  # HERE", "random"),
        ("if os.environ.get('X'):\n    await act()  # HERE", "env"),
        ("if os.environ['X'] == '1':\n    await act()  # HERE", "env"),
        ("if os.path.exists('/etc'):\n    await act()  # HERE", "env"),
        ("for kind in {'a', 'b'}:\n    await act(kind)  # HERE", "iteration-order"),
        ("for kind in self.kinds:\n    await act(kind)  # HERE", "iteration-order"),
        ("for kind in list(set(name)):\n    await act(kind)  # HERE", "iteration-order"),
        ("await gather(*(act(kind) for kind in self.kinds))  # HERE", "iteration-order"),
        ("if len(SEEN) > 3:\n    await act()  # HERE", "global-state"),
        ("for kind in sorted(self.kinds):\n    await act(kind)  # HERE", None),
        ("if workflow.random().random() > 0.5:\n    await act()  # HERE", None),
        ("if workflow.now().hour > 5:\n    await act()  # HERE", None),
        ("if name in FIXED:\n    await act()  # HERE", None),
        ("if name == 'x':\n    await act()  # HERE", None),
    ],
)
def test_a_place_depends_on_what_no_history_gives(tmp_path: Path, body: str, cause: str | None) -> None:
    assert cause_of(tmp_path, body) == cause
