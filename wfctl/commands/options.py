"""`wfctl options`: the flags that every command takes, which the commands' own helps leave out."""

from __future__ import annotations

import textwrap

import typer


def options(ctx: typer.Context) -> None:
    """Show the output and connection flags that every command takes.

    A flag beats an environment variable, and that beats the profile in temporal.toml. To keep a setting:

        wfctl config set --prop address --value prod.example.com:7233
    """
    from dataclasses import fields

    from wfctl.commands._flags import ClientFlags, GlobalFlags
    from wfctl.commands._session import session
    from wfctl.commands._tree import global_params

    with session(ctx) as opened:
        by_name = {param.name: param for param in global_params()}
        for title, flags in (("Output and configuration:", GlobalFlags), ("Connection:", ClientFlags)):
            opened.out.heading(title)
            rows = []
            for field in fields(flags):
                param = by_name[field.name]
                kind = "" if param.is_flag else f" {param.metavar or param.display_type(ctx)}"
                rows.append((", ".join([*param.opts, *param.secondary_opts]) + kind, param.help))
                opened.out.value({"flag": param.opts[-1], "description": param.help})
            opened.out.card(_wrapped(rows, opened.out.width))


def _wrapped(rows: list[tuple[str, str]], width: int | None) -> list[tuple[str, str]]:
    """What a flag is for, in lines that fit a terminal."""
    if width is None:
        return rows
    room = max(width - max(len(name) for name, _ in rows) - 5, 20)
    return [(name, "\n".join(textwrap.wrap(text, room))) for name, text in rows]


app = options
