"""The gRPC channel for commands, terminal UI and replay: any Temporal server, ours included."""

from __future__ import annotations

from wfctl.client.channel import Client, Limits

__all__ = ["Client", "Limits"]
