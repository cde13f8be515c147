"""Words of a command line become values without typer's validation library."""

from __future__ import annotations

import subprocess
import sys

import pytest

from wfctl.cli import run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port", "x"], "'x' is not a whole number"),
        (["--port", "70000"], "70000 is not between 0 and 65535"),
        (["--durability", "half"], "'half' is not one of full, normal"),
        (["--retention", "soon"], "'soon' is not a duration"),
        (["--log-level", "loud"], "'loud' is not one of debug, info, warn, error, never"),
    ],
)
def test_a_bad_value_is_a_sentence(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["server", "start-dev", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_no_command_loads_the_validation_library() -> None:
    script = (
        "import sys\n"
        "from wfctl.cli import run\n"
        "run(['server', 'start', '--ephemeral', '--db-filename', 'x', '--port', '0', '-n', 'a', '--headless=true'])\n"
        "print(sorted(name for name in sys.modules if name.startswith(('pydantic', 'rich', 'textual', 'yaml'))))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert "--ephemeral keeps nothing" in done.stderr
    assert done.stdout.strip() == "[]"
