"""`thalweg plot`."""

import csv
from pathlib import Path

import click

from core.errors import UsageError
from tui.cli.arguments import MARKED, Id, Kind
from tui.cli.bead_plots import plot_beads
from tui.cli.drawing import show_lines, terminal_format
from tui.cli.location import CommandLocation
from tui.cli.output import note, print_json
from tui.cli.run_command import json_option
from tui.shared.charts import figure
from tui.shared.charts.charts import Chart
from tui.shared.charts.from_catalogue import chart_of
from tui.shared.files import file_facts, write_target
from tui.shared.formatting import named


@click.command(epilog="\b\nExample:\n  thalweg plot paths 1 2 --to figure.pdf")
@click.argument("kind", type=Kind(MARKED))
@click.argument("ids", metavar="ID...", type=Id(), nargs=-1, required=True)
@click.option("--error", "quantity", flag_value="error", help="The error instead of the loss.")
@click.option("--quantity", metavar="NAME", help="What to draw where there is a choice, such as rank of a rank bound.")
@click.option("--beads", is_flag=True, help="Of one path: its knots on their principal components, by test loss.")
@click.option(
    "--to", "file", metavar="FILE", type=click.Path(path_type=Path), help="A .csv table, or a .png, .pdf or .svg file."
)
@json_option
@click.pass_obj
def plot(  # noqa: PLR0913 - one for each thing that can be said
    location: CommandLocation,
    kind: str,
    ids: tuple[int, ...],
    *,
    quantity: str | None,
    beads: bool,
    file: Path | None,
    as_json: bool,
) -> None:
    """Draw the loss along paths, the curves of runs and models, or what bounds kept: a grid, or numbers by layers.

    Several are drawn over each other. With --json: the points of the curves, or the file that was drawn to.

    With --beads the colours are those of --quantity test_loss, train_loss,
    test_error or train_error.
    """
    ids = tuple(dict.fromkeys(ids))
    if file is not None:
        figure.check(file)
    if beads and (kind != "paths" or len(ids) != 1):
        raise UsageError(
            f"--beads draws one path, not {named(kind, ids)}: name one, as in thalweg plot path 3 --beads."
        )
    catalogue = location.open()
    if beads:
        plot_beads(catalogue, ids[0], quantity, file, as_json=as_json)
        return
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
    from tui.shared.charts.terminal import lines  # noqa: PLC0415 - rich's texts, for charts in a terminal alone

    show_lines(lines(chart, terminal_format()))
