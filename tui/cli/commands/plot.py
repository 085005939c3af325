"""`thalweg plot`."""

import csv
import shutil
import sys
from pathlib import Path

import click

from tui.cli.arguments import MARKED, Id, Kind
from tui.cli.location import CommandLocation
from tui.cli.output import coloured, console, note, print_json, terminal
from tui.cli.run_command import json_option
from tui.shared.charts import figure
from tui.shared.charts.charts import Chart
from tui.shared.charts.from_catalogue import chart_of
from tui.shared.files import file_facts, write_target

HEIGHT = 24  # rows, where there is no terminal to fill
WIDTH = 80


@click.command(epilog="\b\nExample:\n  thalweg plot paths 1 2 --to figure.pdf")
@click.argument("kind", type=Kind(MARKED))
@click.argument("ids", metavar="ID...", type=Id(), nargs=-1, required=True)
@click.option("--error", "quantity", flag_value="error", help="The error instead of the loss.")
@click.option("--quantity", metavar="NAME", help="What to draw where there is a choice, such as rank of a rank bound.")
@click.option(
    "--to", "file", metavar="FILE", type=click.Path(path_type=Path), help="A .csv table, or a .png, .pdf or .svg file."
)
@json_option
@click.pass_obj
def plot(
    location: CommandLocation, kind: str, ids: tuple[int, ...], quantity: str | None, file: Path | None, as_json: bool
) -> None:
    """Draw the loss along paths, the curves of runs and models, or what bounds kept: a grid, or numbers by layers.

    Several are drawn over each other. With --json: the points of the curves, or the file that was drawn to.
    """
    ids = tuple(dict.fromkeys(ids))
    if file is not None:
        figure.check(file)
    catalogue = location.open()
    with catalogue.read() as session:
        chart = chart_of(catalogue, session, kind, list(ids), quantity)
    if file is not None:
        _write(chart, file)
        note(f"{chart.title} drawn to {file}")
    if as_json:
        drawing = _curves(chart) if file is None else file_facts(file)
        print_json({"kind": kind, "ids": ids, "title": chart.title, **drawing})
    elif file is None:
        _show(chart)


def _write(chart: Chart, file: Path) -> None:
    """As a picture, or as a table: one row a point, behind the name of its curve."""
    if file.suffix.lower() != figure.TABLE:
        figure.save(chart, file)
        return
    with write_target(file) as draft, draft.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("curve", chart.x, chart.y))
        writer.writerows((one.label, *point) for one in chart.curves for point in one.finite)


def _curves(chart: Chart) -> dict[str, object]:
    curves = [{"label": one.label, "level": one.level, "points": one.points} for one in chart.curves]
    return {"x": chart.x, "y": chart.y, "curves": curves}


def _show(chart: Chart) -> None:
    from tui.shared.charts.terminal import TerminalFormat, lines  # noqa: PLC0415 - rich's texts, for charts in a terminal alone

    unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    size = shutil.get_terminal_size()
    in_terminal, colours = terminal(sys.stdout), coloured(sys.stdout)
    width, height = (min(size.columns, 160), min(size.lines - 1, 40)) if in_terminal else (WIDTH, HEIGHT)
    for line in lines(chart, TerminalFormat(width, height, colours, unicode)):
        if colours:
            console().print(line, no_wrap=True, crop=True)
        else:
            click.echo(line.plain)
