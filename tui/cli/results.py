"""Printed results: one path, several paths, one bound, one certificate."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import store
from tui.cli.output import pairs, say, table
from tui.shared.columns import Row
from tui.shared.formatting import NOTHING, number, value
from tui.shared.summaries import (
    certificate_facts,
    certificate_text,
    measurement_text,
    of_the_whole,
    path_facts,
    path_title,
    whole_facts,
)

if TYPE_CHECKING:
    from store import Catalogue


def print_path(row: Row) -> None:
    """What a path is worth."""
    say(path_title(row))
    pairs(path_facts(row))


def paths_table(rows: Iterable[Row]) -> None:
    """One row a path."""
    table(
        ("id", "method", "ends' losses", "highest", "barrier", "beads", "norm length", "certificate"),
        [
            (
                value(row["id"]),
                value(row.get("method")),
                f"{number(row.get('train_loss_a'))}, {number(row.get('train_loss_b'))}",
                number(row.get("max_train_loss")),
                number(row.get("barrier")),
                value(row.get("beads")),
                number(row.get("normalized_length")),
                value(row.get("certificate")),
            )
            for row in rows
        ],
    )


def pairs_table(rows: Iterable[Row]) -> None:
    """One row a path, with the pair that it joins."""
    table(
        ("path", "models", "connected", "highest", "level", "certificate", "beads", "norm length"),
        [
            (
                value(row["id"]),
                f"{row['model_a']}, {row['model_b']}",
                value(row["connected"]),
                number(row["max_train_loss"]),
                number(row["level"]),
                value(row["certificate"]),
                value(row["beads"]),
                number(row["normalized_length"]),
            )
            for row in rows
        ],
    )


def print_bound(row: Row, catalogue: "Catalogue") -> None:
    """A bound's value and its measurements, layer by layer."""
    say(f"Bound {row['id']}: {value(row['kind'])} of model {row['model_id']}.")
    facts = [("value", number(row["value"]))]
    if row["summary"]:
        facts.append(("summary", value(row["summary"])))
    pairs(facts)
    with catalogue.read() as session:
        measured = store.Bounds(session).measurements("bound", int(row["id"]))
    measurements_table([vars(one) for one in measured])


def print_certificate(row: Row, catalogue: "Catalogue") -> None:
    """What a certificate says, and the one that its path shows where that is stronger."""
    say(f"Certificate {row['id']} of path {row['path_id']}.")
    pairs(certificate_facts(row))
    with catalogue.read() as session:
        strongest = store.Certificates(session).of(int(row["path_id"]))[0]
    if strongest.id != row["id"]:
        say(f"The path still shows certificate {strongest.id}: {certificate_text(vars(strongest))}.")


def certificates_table(rows: Iterable[Row]) -> None:
    """One row a certificate."""
    names = ("id", "path_id", "kind", "level", "seen", "slack", "pieces", "passes", "run_id")
    titles = ("id", "path", "certificate", "level", "highest", "slack", "pieces", "passes", "run")
    losses = ("level", "seen", "slack")
    table(titles, [[number(row[one]) if one in losses else value(row[one]) for one in names] for row in rows])


def measurements_table(measured: list[Row]) -> None:
    """Measurements as tables: one row a layer where draws have losses, else one a layer and draw; one column a name.

    Rows that begin alike are together; what was measured of the whole is a list.
    """
    drawn = {(one["layer"], one["draw"]) for one in measured if one["name"] == "loss" and one["draw"] is not None}
    _layers_table([one for one in measured if (one["layer"], one["draw"]) in drawn])
    pairs(whole_facts(measured))
    rows: dict[tuple[Any, Any], dict[str, str]] = {}
    for one in measured:
        if (one["layer"], one["draw"]) not in drawn and not of_the_whole(one):
            rows.setdefault((one["layer"], one["draw"]), {})[str(one["name"])] = measurement_text(one)
    tables: dict[str, dict[tuple[Any, Any], dict[str, str]]] = {}
    for key, found in rows.items():
        tables.setdefault(next(iter(found)), {})[key] = found
    draws = {(one["layer"], one["draw"]): str(one["draws"]) for one in measured}
    for some in tables.values():
        _measured_table(some, draws[next(iter(some))])


def _layers_table(measured: list[Row]) -> None:
    """Every layer's draws in one row: the lowest loss with what else was measured of that draw, and the spread."""
    layers: dict[Any, dict[Any, dict[str, float]]] = {}
    for one in measured:
        layers.setdefault(one["layer"], {}).setdefault(one["draw"], {})[str(one["name"])] = one["value"]
    if not layers:
        return
    others = list(dict.fromkeys(one["name"] for one in measured if one["name"] != "loss"))
    rows = []
    for layer, draws in layers.items():
        losses = sorted(draw["loss"] for draw in draws.values())
        best = min(draws.values(), key=lambda draw: draw["loss"])
        spread = (losses[0], sum(losses) / len(losses), losses[-1])
        cells = [number(one) for one in (*spread, *(best.get(name) for name in others))]
        rows.append((value(layer), value(len(draws)), *cells))
    titles = (f"{name.replace('_', ' ')} of the lowest" for name in others)
    table(("layer", "draws", "lowest loss", "mean", "highest", *titles), rows)


def _measured_table(rows: dict[tuple[Any, Any], dict[str, str]], draws: str) -> None:
    names = list(dict.fromkeys(name for found in rows.values() for name in found))
    keys = [place for place in (0, 1) if any(key[place] is not None for key in rows)]
    titles = [("layer", draws)[place] for place in keys]
    table(
        (*titles, *names),
        [
            (*(value(key[place]) for place in keys), *(found.get(name, NOTHING) for name in names))
            for key, found in rows.items()
        ],
    )
