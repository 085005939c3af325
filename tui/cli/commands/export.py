"""`thalweg export`."""

from pathlib import Path

import click

import store
from core.errors import UsageError
from tui.cli.arguments import LISTED, Kind
from tui.cli.location import CommandLocation
from tui.cli.output import note, rows_out
from tui.cli.run_command import json_option
from tui.shared.columns import column_names
from tui.shared.named_filters import expand
from tui.shared.table_export import write, write_file

SPREADSHEETS = (".xlsx", ".xls", ".ods")
EPILOG = "\b\nExample:\n  thalweg export paths --where method=string --to paths.csv"


@click.command(epilog=EPILOG)
@click.argument("kind", type=Kind(LISTED))
@click.option("--where", metavar="CONDITIONS", help="Only these; see `thalweg list --help`.")
@click.option("--sort", metavar="COLUMNS", help="For example -level. Default: by id.")
@click.option("--columns", metavar="A,B", help="These columns, in this order. Default: every one.")
@click.option("--to", "file", metavar="FILE", type=click.Path(path_type=Path), help="Default: standard output.")
@click.option("--raw", is_flag=True, help="Leave texts that a spreadsheet would run as they are.")
@json_option
@click.pass_obj
def export(
    location: CommandLocation, /, kind: str, file: Path | None, raw: bool, as_json: bool, **rows: str | None
) -> None:
    """Write runs, models, paths, bounds, profiles, metrics or certificates as CSV, every column unless told otherwise.

    In a terminal control characters are shown as \\x1b; files and pipes get texts as they are.
    """
    chosen = store.Selection(
        kind, expand(kind, rows["where"] or ""), rows["sort"], tuple(column_names(kind, rows["columns"]))
    )
    if file is not None:
        _check_name(file, as_json=as_json)
    file_format = "json" if as_json else "raw csv" if raw else "csv"
    if file is None:
        write(location.if_there(), chosen, file_format, rows_out())
        return
    count = write_file(location.if_there(), chosen, file_format, file)
    note(f"{count} {kind} written to {file}")


def _check_name(file: Path, *, as_json: bool) -> None:
    """Raises UsageError where a file's name promises another format than it would get."""
    suffix = file.suffix.lower()
    if suffix in SPREADSHEETS:
        raise UsageError(f"{file} would not be {suffix} but CSV, which every spreadsheet opens: name it .csv.")
    if suffix == ".json" and not as_json:
        raise UsageError(f"{file} would not be JSON but CSV: add --json, or name it .csv.")
