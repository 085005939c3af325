"""The command `thalweg`: its global options, the table of commands, and the handling of errors.

Exit status: 0 done, 1 a run failed, 2 wrong usage. Commands are imported only when they are used, and none
imports torch: work is done by processes that the engine starts.
"""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from difflib import get_close_matches
from importlib import import_module
from typing import TextIO

import click

from core.errors import RunError, ThalwegError, printable
from core.files import from_home
from store.errors import StoreError
from tui.cli.location import CommandLocation
from tui.cli.output import note

# name -> (where the command is, what the list of commands says); in the order people meet them
COMMANDS: dict[str, tuple[str, str]] = {
    "quickstart": ("tui.cli.commands.quickstart:quickstart", "A first look: train, connect, certify, in a minute."),
    "train": ("tui.cli.commands.train:train", "Train one model, or several in one batch."),
    "import": ("tui.cli.commands.import_:import_", "Take checkpoints of your own into the catalogue."),
    "connect": ("tui.cli.commands.connect:connect", "Construct a low-loss path between two models."),
    "descend": ("tui.cli.commands.descend:descend", "Construct a path that never rises, down to a low loss."),
    "certify": ("tui.cli.commands.certify:certify", "Certify a path again, in a run that keeps the certificate."),
    "bound": ("tui.cli.commands.bound:bound", "Compute a quantity of one model."),
    "study": ("tui.cli.commands.study:study", "Repeat a paper's experiment."),
    "verify": ("tui.cli.commands.verify:verify", "Check a path's certificate again, in float64."),
    "list": ("tui.cli.commands.listing:list_", "List runs, models, paths or bounds."),
    "show": ("tui.cli.commands.show:show", "Show everything about one of them."),
    "relaunch": ("tui.cli.commands.relaunch:relaunch", "Repeat runs, from a checkpoint or from scratch."),
    "cancel": ("tui.cli.commands.cancel:cancel", "Cancel queued or running runs."),
    "log": ("tui.cli.commands.log:log", "Print what a run wrote, or follow it."),
    "compare": ("tui.cli.commands.compare:compare", "Compare several side by side."),
    "matrix": ("tui.cli.commands.matrix:matrix", "All models of a problem against all: barriers, levels, lengths."),
    "plot": ("tui.cli.commands.plot:plot", "Draw losses along paths, training curves, bounds."),
    "tag": ("tui.cli.commands.marks:tag", "Add tags, for filters, or remove them."),
    "note": ("tui.cli.commands.marks:note", "Write a note."),
    "delete": ("tui.cli.commands.delete:delete", "Delete, after asking."),
    "export": ("tui.cli.commands.export:export", "Write a table as CSV."),
    "points": ("tui.cli.commands.points:points", "Write parameter vectors along a path to a file."),
    "export-model": ("tui.cli.commands.export_model:export_model", "Write a model as a state dict of your own."),
    "agent": ("tui.cli.commands.agent:agent", "Run jobs here, in the foreground."),
    "doctor": ("tui.cli.commands.doctor:doctor", "Report on devices, data and the catalogue."),
    "completion": ("tui.cli.commands.completion:completion", "Print the completion script for your shell."),
}


class Commands(click.Group):
    """A group whose commands are imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if not ctx.resilient_parsing and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(_unknown(args[0]), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _unknown(name: str) -> str:
    from core.specs.bounds import BOUNDS  # noqa: PLC0415 - the specs, for a command that there isn't
    from core.specs.methods import METHODS  # noqa: PLC0415 - specs, which --help goes without

    if name in BOUNDS:
        return f"there is no command {name!r}: write `thalweg bound MODEL --kind {name}`"
    if name in METHODS:
        return f"there is no command {name!r}: write `thalweg connect A B --method {name}`"
    near = get_close_matches(name, COMMANDS, n=1)
    return f"there is no command {name!r}" + (f"; did you mean {near[0]}?" if near else "")


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version  # noqa: PLC0415 - slow to import, for --version alone

        click.echo(f"thalweg {version('thalweg')}")
        ctx.exit()


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"max_content_width": 80, "help_option_names": ["-h", "--help"]},
    epilog="\b\nExample:\n  thalweg quickstart",
)
@click.option(
    "--catalogue",
    metavar="PATH",
    envvar="THALWEG_CATALOGUE",
    show_envvar=True,
    help="Default: one in your data folder.",
)
@click.option("--filter", "where", metavar="CONDITIONS", help="Open the screen with these runs only.")
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Print it.")
@click.pass_context
def cli(ctx: click.Context, catalogue: str | None, where: str | None) -> None:
    """Paths of low loss between trained networks: find them, certify them, keep them in a catalogue.

    `thalweg` alone, in a terminal, opens the catalogue on the screen.

    `thalweg COMMAND --help` explains a command and ends with an example.
    """
    if catalogue == "":
        raise click.UsageError("the path of the catalogue is empty", ctx)
    if "://" in (catalogue or ""):
        raise click.UsageError(f"a catalogue is a file: addresses like {catalogue} are not supported yet", ctx)
    ctx.obj = CommandLocation(from_home(catalogue) if catalogue else None)
    if ctx.invoked_subcommand is not None:
        if where is not None:
            raise click.UsageError("--filter is for the screen; commands take --where", ctx)
    elif sys.stdin.isatty() and sys.stdout.isatty():
        from tui.app.app import open_app  # noqa: PLC0415 - the screen, which no command needs
        from tui.shared.named_filters import expand  # noqa: PLC0415 - msgspec, which --help goes without

        conditions = None if where is None else expand("runs", where)
        if ctx.obj.may_create():
            open_app(ctx.obj, conditions)
    else:
        click.echo(ctx.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115, PTH123  # None where it was closed
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115, PTH123
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        status = _run(arguments)
    except BrokenPipeError:
        _silence(sys.stdout)
        return 141
    except click.exceptions.Abort:
        return 130
    except click.ClickException as error:
        from tui.cli.usage_errors import sentence_of  # noqa: PLC0415 - for a command line that is wrong

        return _refuse(sentence_of(error))
    except UnicodeEncodeError as error:  # an argument or a variable that is no text, where one is stored
        status = _refuse(f"{printable(error.object)} is not valid UTF-8: give a text or a name that is.")
    except OSError as error:  # a full disk behind standard output, say, or a name too long for any file
        _silence(sys.stdout)
        place = f": {error.filename}" if error.filename is not None else ""
        return _refuse(f"The system reports an error: {error.strerror or error}{place}.")
    except (ThalwegError, StoreError) as error:
        return _refuse(str(error), status=1 if isinstance(error, RunError) else 2)
    return status if isinstance(status, int) else 0


def _run(arguments: Sequence[str] | None) -> object:
    """What a command returns. Raises BrokenPipeError where nobody reads standard output any more."""
    out = sys.stdout
    try:
        status = cli.main(arguments, prog_name="thalweg", standalone_mode=False)
    except SystemExit:
        if sys.stdout is out:
            raise
        sys.stdout = out  # click has put it away: its own answer to a closed pipe is status 1, a failed run's here
        raise BrokenPipeError from None
    sys.stdout.flush()
    return status


def _silence(stream: TextIO) -> None:
    """What is still to be written goes nowhere, so that the interpreter doesn't stumble over it at its end."""
    with suppress(OSError):  # a stream that is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _refuse(sentence: str, status: int = 2) -> int:
    note(f"thalweg: {' '.join(sentence.split())}")
    return status


if __name__ == "__main__":
    sys.exit(main())
