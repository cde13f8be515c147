"""`make demo` tells the story in `demo/story.py`, and exits with 0 only if every claim in it was checked."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import shlex
import shutil
import sys
import tempfile
import time
from pathlib import Path

from temporalio.exceptions import TemporalError

from demo.stage import DemoFailed, Stage
from demo.story import Programs, tell

THIS_WFCTL = f"{shlex.quote(sys.executable)} -m wfctl"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m demo", description="an order's life, killed in the middle")
    parser.add_argument("--cli", default=THIS_WFCTL, help="the command line to use (default: this wfctl)")
    parser.add_argument("--server", help="start command with {port} and {db} (default: `wfctl server start`)")
    parser.add_argument("--keep", action="store_true", help="leave the project, the database and the logs behind")
    options = parser.parse_args()
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        name = tempfile.mkdtemp(prefix="wfctl-demo-")
        if not options.keep:
            stack.callback(shutil.rmtree, name, ignore_errors=True)
        stage = Stage(Path(name))
        try:
            asyncio.run(tell(stage, Programs(options.cli, options.server)))
        except (DemoFailed, TemporalError) as failure:
            print(f"\ndemo failed: {failure}\n{_last_words(Path(name))}", file=sys.stderr)
            return 1
        finally:
            stage.end_all()
        print(f"\n{stage.checks} claims checked in {time.monotonic() - began:.0f} s.")
        if options.keep:
            print(f"left behind: {name}")
    return 0


def _last_words(directory: Path) -> str:
    """The ends of the logs, which are gone with the directory otherwise."""
    return "\n".join(
        f"--- {log.name}\n{log.read_text(errors='replace')[-2000:]}" for log in sorted(directory.glob("*.log"))
    )


if __name__ == "__main__":
    sys.exit(main())
