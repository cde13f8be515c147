"""The wheel has what `wfctl new` copies."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_templates_travel_inside_the_wheel(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    for template in (ROOT / "templates").glob("*/template.toml"):
        assert f"wfctl/_templates/{template.parent.name}/template.toml" in names
        assert f"wfctl/_templates/{template.parent.name}/workflows.py" in names
    assert not [name for name in names if "__pycache__" in name or ".pytest_cache" in name]
    assert "wfctl/py.typed" in names
    for program in (ROOT / "wfctl" / "replay" / "runners" / "programs").iterdir():
        assert f"wfctl/replay/runners/programs/{program.name}" in names
