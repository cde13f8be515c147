"""`wfctl completion`: a script that makes the shell complete wfctl's commands and flags."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

VARIABLE = "_WFCTL_COMPLETE"


def completion(
    ctx: typer.Context,
    shell: Annotated[Literal["bash", "zsh", "fish", "powershell"], typer.Argument(help="Your shell.")],
) -> None:
    """Print a completion script for your shell.

    source <(wfctl completion bash)
    wfctl completion fish > ~/.config/fish/completions/wfctl.fish
    """
    from typer._completion_shared import get_completion_script

    typer.echo(get_completion_script(prog_name="wfctl", complete_var=VARIABLE, shell=shell))


def register() -> None:
    """Teach typer the shells, when one of them asks what could come next."""
    from typer._completion_classes import completion_init

    completion_init()


app = completion
