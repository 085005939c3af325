"""`thalweg import`."""

import json
from typing import TYPE_CHECKING

import click
import msgspec

from core.errors import KeysError
from core.specs.runs import Import, RunSpec
from tui.cli.location import in_terminal
from tui.cli.option_help import run_command
from tui.cli.output import note, print_json, table
from tui.cli.run_command import Row, RunOptions, report_enqueued, results_of, status_of, wait_for
from tui.shared.formatting import number, percent, value
from tui.shared.json_values import decoded

if TYPE_CHECKING:
    from core.engine.client import Client

MOST = 40  # rows of a table of names
EPILOG = """\b
Examples:
  thalweg import a.pt b.pt --network file:net.py:make --data digits
  thalweg import last.ckpt --ema --network vgg11 --data cifar10
  thalweg import runs/ --recursive --network vgg11 --data cifar10
"""


@run_command("import", EPILOG)
def import_(run_options: RunOptions, spec: RunSpec) -> int:
    """Take checkpoints of a network into the catalogue, evaluate them, and print the models' ids.

    FILES are what torch.save, Lightning or safetensors wrote (.pt, .pth, .bin, .ckpt, .safetensors), or an index of
    shards. Nothing in them is run.
    """
    assert isinstance(spec, Import)
    client = run_options.client(create=True)
    run_id = _enqueue(run_options, client, spec)
    if run_options.detach:
        return report_enqueued(run_options, [run_id], as_list=True)
    runs = wait_for(run_options, client, [run_id])
    models = [row for row in results_of(client, "models", runs) if row["id"] is not None]
    if run_options.as_json:
        print_json([decoded(row) for row in models])
    elif models:
        _print(models)
    return status_of(runs)


def _enqueue(run_options: RunOptions, client: "Client", spec: Import) -> int:
    """The run's id. Where names don't fit says which, and asks whether those that are proposed are right."""
    try:
        return client.enqueue(spec, device=run_options.device)
    except KeysError as error:
        note(_keys(error))
        if not (error.proposed and in_terminal() and click.confirm("Are these the same?", err=True)):
            raise
        return client.enqueue(msgspec.structs.replace(spec, yes=True), device=run_options.device)


def _keys(error: KeysError) -> str:
    """What is proposed, or else what doesn't fit, line by line."""
    titles = ("in the file", "in the network") if error.proposed else ("name", "in the file", "in the network")
    rows = [titles, *(error.proposed.items() if error.proposed else error.rows)]
    if len(rows) > MOST:
        rows = [*rows[:MOST], (f"and {len(rows) - MOST} more", *[""] * (len(titles) - 1))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _print(models: list[Row]) -> None:
    keys = ("train_loss", "train_error", "test_loss", "test_error")
    shows = (number, percent, number, percent)
    table(
        ("model", "name", *(key.replace("_", " ") for key in keys), "epochs"),
        [
            (
                value(row["id"]),
                value(row["name"]),
                *(show(row[key]) for key, show in zip(keys, shows, strict=True)),  # type: ignore[arg-type]
                value(row["epochs"]),
            )
            for row in models
        ],
        squeeze=("name",),
    )
    for row in models:
        source = json.loads(str(row["source"]))
        if averaged := source.get("averaged"):
            note(f"Model {row['id']}: the file has averaged weights at {averaged!r}, too; --ema takes them.")
        for sentence in (source.get("hint"), source.get("in_its_dtype")):
            if sentence is not None:
                note(f"Model {row['id']}: {sentence}")
