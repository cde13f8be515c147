"""A small set of histories that stands for many: collected, kept fresh, and asked what it covers.

`shape` tells which way a run went, `selecting` keeps one run for each way, `redaction` takes what is private out of payloads,
`manifest` is what is known of the set, `collecting` puts it together; `lines` replays it under coverage.py.
"""
