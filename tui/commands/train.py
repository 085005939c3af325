"""`thalweg train`."""

from collections.abc import Sequence

import click

from core.specs.data import DATA
from core.specs.networks import NETWORKS
from core.specs.runs import Train
from tui.asking import FLAGS, train_spec
from tui.kinds import Name
from tui.option_help import OptionsCommand, Records, fields, keys_option
from tui.output import print_json, table
from tui.running import How, Row, detached, finished, made_by, run_options, status_of, texts_of
from tui.texts import number, percent, value

EPILOG = """Networks: {networks}.

Data sets: {data}.

\b
Example:
  thalweg train fcn:64x2 digits --count 2 --until-loss 0.01 -o lr=0.003
""".format(
    networks=", ".join(record.example.split(" or ")[0] for record in NETWORKS.values()),
    data=", ".join(DATA),
)


def _records(_: click.Context) -> Records:
    return {"Options set by -o": (Train, fields(Train, without=("network", "data", *FLAGS["train"])))}


@click.command(cls=OptionsCommand, records=_records, epilog=EPILOG)
@click.argument("network", type=Name(lambda: NETWORKS))
@click.argument("data", type=Name(lambda: DATA))
@click.option("--seed", metavar="N", help="Seed of the first model; the next ones count on. Default: 0.")
@click.option("--until-loss", metavar="X", help="Stop when the train loss is at most this; never there: failed.")
@click.option("--epochs", metavar="N", help="At most this many passes over the train set. Default: 100.")
@click.option("--count", metavar="K", help="Train K models in one batch. Default: 1.")
@click.option("--name", metavar="TEXT", help="What to call it.")
@click.option("--loss", metavar="NAME", help="cross-entropy (default for classes), square or hinge.")
@click.option("--dtype", metavar="NAME", help="float32 (default) or float64.")
@keys_option
@run_options
def train(how: How, network: str, data: str, options: Sequence[str], **flags: str | None) -> int:
    """Train one model of a network on a data set, or several in one batch; print their ids."""
    spec = train_spec(network, data, texts_of(options, flags, "train"))
    client = how.client(create=True)
    run_id = client.enqueue(spec, device=how.device)
    if how.detach:
        return detached(how, [run_id], as_list=True)
    runs = finished(how, client, [run_id])
    models = [row for row in made_by(client, "models", runs) if row["id"] is not None]
    if how.as_json:
        print_json(models)
    elif models:
        _print(models)
    return status_of(runs)


def _print(models: list[Row]) -> None:
    columns = ("model", "seed", "train loss", "train error", "test loss", "test error", "epochs")
    keys = ("train_loss", "train_error", "test_loss", "test_error")
    shows = (number, percent, number, percent)
    table(
        columns,
        [
            (
                value(row["id"]),
                value(row["seed"]),
                *(show(row[key]) for key, show in zip(keys, shows, strict=True)),  # type: ignore[arg-type]
                value(row["epochs"]),
            )
            for row in models
        ],
    )
