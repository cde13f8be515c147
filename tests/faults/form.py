"""Two forms of one suite: a short one in `make test`, the full one in `make faults`."""

from __future__ import annotations

import os

FULL = os.environ.get("WFCTL_FAULTS") == "full"
