"""Replay in other languages: runners that speak NDJSON (docs/replay-runners.md), one module for each language's set-up."""
