"""wfctl: Temporal on your machine in one Python program."""

from __future__ import annotations

__version__ = "0.1.0"
