"""`thalweg export`."""

import sys
from pathlib import Path
from typing import TextIO

import click

from tui.files import whole
from tui.kinds import LISTED, Kind
from tui.output import note
from tui.place import Place

EPILOG = "\b\nExample:\n  thalweg export paths --where method=string --to paths.csv"


@click.command(epilog=EPILOG)
@click.argument("kind", type=Kind(LISTED))
@click.option("--where", metavar="CONDITIONS", help="Only these; see `thalweg list --help`.")
@click.option("--sort", metavar="COLUMNS", help="For example -level. Default: by id.")
@click.option("--to", "file", metavar="FILE", type=click.Path(path_type=Path), help="Default: standard output.")
@click.option("--raw", is_flag=True, help="Leave texts that a spreadsheet would run as they are.")
@click.pass_obj
def export(place: Place, kind: str, where: str | None, sort: str | None, file: Path | None, raw: bool) -> None:
    """Write runs, models, paths, bounds, profiles or metrics as CSV, every column."""
    if file is None:
        _write(place, kind, (where, sort, raw), sys.stdout)
        return
    with whole(file) as draft, draft.open("w", newline="", encoding="utf-8") as stream:
        count = _write(place, kind, (where, sort, raw), stream)
    note(f"{count} {kind} written to {file}")


def _write(place: Place, kind: str, how: tuple[str | None, str | None, bool], stream: TextIO) -> int:
    from store import COLUMNS, write_csv
    from store.listing import selected

    selected(kind, *how[:2], [])
    catalogue = place.if_there()
    if catalogue is None:
        stream.write(",".join(column.name for column in COLUMNS[kind]) + "\r\n")
        return 0
    with catalogue.read() as session:
        return write_csv(session, kind, stream, *how)
