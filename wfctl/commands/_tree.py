"""How the command tree is put together: from tables, lazily.

A group is a table of rows; a row says where its command lives and what it is for. Nothing is imported until a
command is about to run or to show its own help, which keeps `wfctl --help` quick. A row whose module is not
installed is left out.

A command is a function. Its parameters are typer's, or *option sets*: dataclasses whose fields are typer options,
shared by several commands.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Any, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup

from wfctl.commands._coercion import lighten
from wfctl.commands._flags import FLAG_NAMES, ClientFlags, GlobalFlags
from wfctl.errors import UsageMistake

_FLAGS = "wfctl.flags"
_SEE_OPTIONS = "`wfctl options` lists the output and connection flags that every command takes."
_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 120}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a group's table: `module:attribute`, and a summary for the group's help."""

    target: str
    summary: str
    hidden: bool = False

    @property
    def module(self) -> str:
        return self.target.partition(":")[0]

    def is_installed(self) -> bool:
        try:
            return importlib.util.find_spec(self.module) is not None
        except ModuleNotFoundError:
            return False

    def load(self, name: str) -> Any:
        module, _, attribute = self.target.partition(":")
        found = getattr(importlib.import_module(module), attribute)
        if isinstance(found, typer.Typer):
            return typer.main.get_command(found)
        if isinstance(found, (TyperGroup, TyperCommand)):
            return found
        return as_command(name, found, self.summary)


class LazyGroup(TyperGroup):
    """A group that knows its commands' names and summaries, and loads a command when it is called."""

    def __init__(self, rows: Mapping[str, Row], help: str, **attributes: Any) -> None:
        super().__init__(
            params=[*attributes.pop("params", []), *global_params()],
            help=help,
            epilog=_SEE_OPTIONS,
            context_settings=_SETTINGS,
            no_args_is_help=True,
            rich_markup_mode=None,
            **attributes,
        )
        self._rows = rows

    def list_commands(self, ctx: Any) -> list[str]:
        return [name for name, row in self._rows.items() if row.is_installed()]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.commands:
            row = self._rows.get(cmd_name)
            if row is None or not row.is_installed():
                return None
            command = row.load(cmd_name)
            command.name = cmd_name
            command.short_help = row.summary
            command.hidden = command.hidden or row.hidden
            self.commands[cmd_name] = command
        return self.commands[cmd_name]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and self.get_command(ctx, args[0]) is None:
            hint = f"see `{ctx.command_path} --help`"
            raise UsageMistake(_unknown_command(args[0], self.list_commands(ctx)), hint=hint)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The table itself, read without importing what it points at."""
        rows = [(name, self._rows[name].summary) for name in self.list_commands(ctx) if not self._rows[name].hidden]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def get_help_option(self, ctx: Any) -> Any:
        return _light(super().get_help_option(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        rest = super().parse_args(ctx, args)
        _take_global_flags(ctx)
        return rest


class LeafCommand(TyperCommand):
    """A command that takes the global flags besides its own."""

    def get_help_option(self, ctx: Any) -> Any:
        return _light(super().get_help_option(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        rest = super().parse_args(ctx, _plain_booleans(self, args))
        _take_global_flags(ctx)
        return rest


def _light(option: Any) -> Any:
    if option is not None:
        lighten([option])
    return option


def _unknown_command(name: str, known: list[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, known, n=1)
    return f"there is no command '{name}' here" + (f"; did you mean '{close[0]}'?" if close else "")


def _plain_booleans(command: Any, args: list[str]) -> list[str]:
    """Accept `--yes=true` and `--tls=false` as Go programs do."""
    switches: dict[str, Any] = {
        name: param for param in command.params if getattr(param, "is_flag", False) for name in param.opts
    }
    plain: list[str] = []
    for position, arg in enumerate(args):
        if arg == "--":
            return [*plain, *args[position:]]
        name, equals, value = arg.partition("=")
        switch = switches.get(name) if equals else None
        if switch is None or value.lower() not in ("true", "false"):
            plain.append(arg)
        elif value.lower() == "true":
            plain.append(name)
        elif switch.secondary_opts:
            plain.append(switch.secondary_opts[0])
    return plain


# Global flags.


def given_flags(ctx: typer.Context) -> dict[str, Any]:
    """The global flags that were typed, wherever on the line; the innermost wins."""
    flags: dict[str, Any] = ctx.meta.get(_FLAGS, {})
    return flags


def _take_global_flags(ctx: Any) -> None:
    """Move the global flags out of the command's own parameters."""
    own: frozenset[str] = getattr(ctx.command, "own_names", frozenset())
    flags = ctx.meta.setdefault(_FLAGS, {})
    for name in FLAG_NAMES & ctx.params.keys() - own:
        value = ctx.params.pop(name)
        if getattr(ctx.get_parameter_source(name), "name", "") == "COMMANDLINE":
            flags[name] = [*flags.get(name, []), *value] if isinstance(value, (list, tuple)) else value


@functools.cache
def global_params() -> tuple[Any, ...]:
    """The global flags as parameters, hidden; built once and shared by every command."""

    def flags(of_all: GlobalFlags, of_the_client: ClientFlags) -> None: ...

    params = as_params(flags)
    for param in params:
        param.hidden = True
    return tuple(params)


def as_params(function: Callable[..., Any]) -> list[Any]:
    """The parameters of a function that is never called, to hang on a group."""
    params: list[Any] = _convert("params", function).params
    return params


# Commands.


def as_command(name: str, function: Callable[..., Any], summary: str) -> Any:
    """A function as a command that also takes the global flags it does not define itself."""
    command = _convert(name, function, summary)
    command.own_names = frozenset(param.name for param in command.params)
    taken = {option for param in command.params for option in (*param.opts, *param.secondary_opts)}
    for param in global_params():
        if param.name not in command.own_names and not taken.intersection(param.opts):
            command.params.append(param)
    return command


def _convert(name: str, function: Callable[..., Any], summary: str = "") -> Any:
    doc = inspect.cleandoc(function.__doc__ or "")
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    decorate = app.command(
        name, cls=LeafCommand, help=_keep_examples(doc or summary), epilog=_SEE_OPTIONS, context_settings=_SETTINGS
    )
    decorate(_flattened(function))
    command = typer.main.get_command(app)
    lighten(command.params)
    return command


def _keep_examples(doc: str) -> str:
    """Blocks of a docstring that are command lines must not be wrapped by the help: `\\b` tells it so."""
    return "\n\n".join(_example(block) if _is_example(block) else block for block in doc.split("\n\n"))


def _is_example(block: str) -> bool:
    return block.startswith(("    ", "wfctl "))


def _example(block: str) -> str:
    return "\b\n" + "\n".join(f"  {line}" for line in inspect.cleandoc(block).split("\n"))


def _flattened(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function with the fields of its option sets as parameters of its own."""
    hints = get_type_hints(function, include_extras=True)
    parameters: list[inspect.Parameter] = []
    sets: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        hint = hints[parameter.name]
        if is_dataclass(hint):
            sets[parameter.name] = hint
            parameters.extend(_set_parameters(hint))
        else:
            parameters.append(parameter.replace(annotation=hint, kind=inspect.Parameter.KEYWORD_ONLY))

    @functools.wraps(function)
    def call(**values: Any) -> Any:
        for name, option_set in sets.items():
            values[name] = option_set(**{field.name: values.pop(field.name) for field in fields(option_set)})
        return function(**values)

    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    del call.__wrapped__
    return call


def _set_parameters(option_set: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(option_set, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(option_set)
    ]
