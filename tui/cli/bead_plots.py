"""`thalweg plot path ID --beads`."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from tui.cli.drawing import show_lines, terminal_format
from tui.cli.output import note, print_json
from tui.shared.charts import figure
from tui.shared.charts.beads import QUANTITIES, BeadProjection, beads_of
from tui.shared.files import file_facts, write_target

if TYPE_CHECKING:
    from store import Catalogue


def plot_beads(catalogue: "Catalogue", path_id: int, name: str | None, file: Path | None, *, as_json: bool) -> None:
    """Draw a path's beads into a file or onto the screen. Raises NotFoundError, ArtifactError, UsageError."""
    beads = beads_of(catalogue, path_id)
    quantity = beads.chosen(name)
    if file is not None:
        _write(beads, quantity, file)
        note(f"{beads.title}: beads drawn to {file}")
    if as_json:
        drawing = _as_json(beads, quantity) if file is None else file_facts(file)
        print_json({"kind": "paths", "ids": [path_id], "title": beads.title, **drawing})
    elif file is None:
        from tui.shared.charts.bead_panels import lines  # noqa: PLC0415 - rich's texts, for drawings in a terminal alone

        show_lines(lines(beads, quantity, terminal_format()))


def _write(beads: BeadProjection, quantity: str, file: Path) -> None:
    """As a picture, or as a table: one row a point, behind its string's name."""
    if file.suffix.lower() != figure.TABLE:
        from tui.shared.charts import bead_figure  # noqa: PLC0415 - rich's texts too

        bead_figure.save(beads, quantity, file)
        return
    with write_target(file) as draft, draft.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("string", "t", "knot", "component_1", "component_2", "component_3", *QUANTITIES))
        for string in beads.strings:
            for one in string.beads:
                values = [one.values.get(name) for name in QUANTITIES]
                writer.writerow((string.name, one.t, int(one.knot), *one.place, *values))


def _as_json(beads: BeadProjection, quantity: str) -> dict[str, object]:
    strings = [
        {
            "name": string.name,
            "points": [{"t": one.t, "knot": one.knot, "place": one.place, **one.values} for one in string.beads],
        }
        for string in beads.strings
    ]
    return {"quantity": quantity, "shares": beads.shares, "strings": strings}
