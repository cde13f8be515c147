"""What has to be done once before runners can be started: bundle, compile, find the class path.

Nothing is written into the user's project; everything made lives in a scratch directory as long as the check.
"""

from __future__ import annotations

import contextlib
import shlex
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from wfctl.errors import UsageMistake
from wfctl.replay.messages import RunnerCommand
from wfctl.replay.runners.project import Wanted

LANGUAGES: Mapping[str, str] = {
    "python": "python",
    "ts": "typescript",
    "typescript": "typescript",
    "go": "go",
    "java": "java",
}


def language(name: str) -> str:
    if name.lower() not in LANGUAGES:
        raise UsageMistake(f"there is no runner for '{name}'", hint="one of: python, ts, go, java; or --runner COMMAND")
    return LANGUAGES[name.lower()]


@contextlib.contextmanager
def prepared(wanted: Wanted) -> Iterator[RunnerCommand]:
    """Raises `LoadFailure` when the code cannot be made ready."""
    if wanted.command:
        yield RunnerCommand(
            tuple(shlex.split(wanted.command)) + wanted.targets, wanted.project or str(Path.cwd()), wanted.command
        )
        return
    from wfctl.replay.runners import golang, java, typescript

    makers = {"typescript": typescript.prepare, "go": golang.prepare, "java": java.prepare}
    with tempfile.TemporaryDirectory(prefix="wfctl-replay-") as scratch:
        yield makers[wanted.language](wanted, Path(scratch))
