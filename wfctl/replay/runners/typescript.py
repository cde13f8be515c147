"""TypeScript: the workflows are bundled once; every runner loads the bundle with the project's own SDK."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from wfctl.errors import UsageMistake
from wfctl.replay.messages import LoadFailure, RunnerCommand
from wfctl.replay.runners.project import Wanted, project_of
from wfctl.replay.runners.protocol import hello_in

_FRAMES = 40
"""Of a stack trace: the SDK's own helpers may take more than the usual ten before the project's code comes."""
_RUNNER = Path(__file__).parent / "programs" / "runner.cjs"


def prepare(wanted: Wanted, scratch: Path) -> RunnerCommand:
    if len(wanted.targets) != 1:
        raise UsageMistake("--lang ts takes one target", hint="a file or directory that exports all workflows")
    target = wanted.targets[0]
    file, export = _split(target)
    project = project_of(wanted, file.parent, ["package.json"])
    spec = scratch / "spec.json"
    spec.write_text(
        json.dumps(
            {"project": str(project), "target": str(file), "export": export, "bundle": str(scratch / "bundle.js")}
        )
    )
    argv = ("node", f"--stack-trace-limit={_FRAMES}", str(_RUNNER), "replay", str(spec))
    command = RunnerCommand(argv, str(project), target)
    try:
        # Its own stderr goes to ours only when it has nothing to say on stdout.
        bundled = subprocess.run(
            ["node", str(_RUNNER), "bundle", str(spec)], cwd=project, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise LoadFailure(target, "node is not on PATH", hint="install Node.js") from error
    hello_in(bundled.stdout, bundled.stderr, command)
    return command


def _split(target: str) -> tuple[Path, str]:
    """`FILE:EXPORT`, unless there is a file of that very name."""
    whole = Path(target)
    name, colon, export = target.rpartition(":")
    if not whole.exists() and colon:
        whole = Path(name)
    else:
        export = ""
    if not whole.exists():
        raise LoadFailure(target, f"there is no file or directory '{whole}'")
    return whole.resolve(), export
