"""click's errors as sentences: what was wrong, what is allowed, what to do."""

import re

import click

from tui.cli.arguments import Name
from tui.cli.option_help import OptionsCommand

EXTRA = re.compile(r"Got unexpected extra arguments? \((.*)\)")


def sentence_of(error: click.ClickException) -> str:
    """The sentence, without a full stop where it ends with a question mark."""
    told = _reason(error)
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    if ctx is None:
        return told if told.endswith((".", "?")) else f"{told}."
    stop = "" if told.endswith("?") else ";"
    return f"{told.rstrip('.')}{stop} `{ctx.command_path} --help` shows how."


def _reason(error: click.ClickException) -> str:
    match error:
        case click.NoSuchOption():
            return f"there is no option {error.option_name}{_instead_of(error)}"
        case click.BadOptionUsage():
            alone = "does not take" in error.message
            return f"{error.option_name} {'takes no value: write it alone' if alone else 'needs a value after it'}"
        case click.BadParameter(param=click.Parameter() as param, ctx=click.Context() as ctx):
            return _of_parameter(error, param, ctx)
        case click.UsageError(ctx=click.Context() as ctx) if extra := EXTRA.match(error.message):
            return f"too many arguments ({extra[1]}): write `{_usage(ctx)}`"
    return error.format_message()


def _instead_of(error: click.NoSuchOption) -> str:
    """What a flag that doesn't exist may have meant: an option of the run, or one that is spelled much like it."""
    ctx, name = error.ctx, error.option_name.lstrip("-").replace("-", "_")
    records = ctx.command.records(ctx).values() if ctx and isinstance(ctx.command, OptionsCommand) else ()
    if any(name in names for _, names in records):
        return f": write -o {name}=VALUE"
    return f"; did you mean {' or '.join(error.possibilities)}?" if error.possibilities else ""


def _of_parameter(error: click.BadParameter, param: click.Parameter, ctx: click.Context) -> str:
    name = param.opts[0] if isinstance(param, click.Option) else param.make_metavar(ctx).strip("[].")
    if not isinstance(error, click.MissingParameter):
        return f"{name} {error.message}"
    allowed = f" ({', '.join(param.type.allowed())})" if isinstance(param.type, Name) else ""
    return f"{name}{allowed} is missing: write `{_usage(ctx)}`"


def _usage(ctx: click.Context) -> str:
    """The command with all that it can't do without: thalweg connect A B --method NAME."""
    words = [ctx.command_path]
    for param in sorted(ctx.command.params, key=lambda one: isinstance(one, click.Option)):
        if isinstance(param, click.Option):
            words += [f"{param.opts[0]} {param.make_metavar(ctx)}"] if param.required else []
        elif param.required:
            words.append(param.make_metavar(ctx))
    return " ".join(words)
