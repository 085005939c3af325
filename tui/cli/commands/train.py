"""`thalweg train`."""

from core.specs.data import DATA
from core.specs.networks import NETWORKS
from core.specs.runs import RunSpec
from tui.cli.option_help import run_command
from tui.cli.output import print_json, table
from tui.cli.run_command import Row, RunOptions, report_enqueued, results_of, status_of, wait_for
from tui.shared.formatting import number, percent, value
from tui.shared.summaries import perplexities

EPILOG = """Networks: {networks}.

Data sets: {data}.

\b
Example:
  thalweg train fcn:64x2 digits --count 2 --until-loss 0.01 -o lr=0.003
""".format(
    networks=", ".join(record.example.split(" or ")[0] for record in NETWORKS.values()),
    data=", ".join(DATA),
)


@run_command("train", EPILOG)
def train(run_options: RunOptions, spec: RunSpec) -> int:
    """Train one model of a network on a data set, or several in one batch; print their ids."""
    client = run_options.client(create=True)
    run_id = client.enqueue(spec, device=run_options.device)
    if run_options.detach:
        return report_enqueued(run_options, [run_id], as_list=True)
    runs = wait_for(run_options, client, [run_id])
    models = [row for row in results_of(client, "models", runs) if row["id"] is not None]
    if run_options.as_json:
        print_json(models)
    elif models:
        _print(models)
    return status_of(runs)


def _print(models: list[Row]) -> None:
    of_words = list(dict(perplexities(models[0])))
    columns = ("model", "seed", "train loss", "train error", "test loss", "test error", *of_words, "epochs")
    keys = ("train_loss", "train_error", "test_loss", "test_error")
    shows = (number, percent, number, percent)
    table(
        columns,
        [
            (
                value(row["id"]),
                value(row["seed"]),
                *(show(row[key]) for key, show in zip(keys, shows, strict=True)),  # type: ignore[arg-type]
                *dict(perplexities(row)).values(),
                value(row["epochs"]),
            )
            for row in models
        ],
    )
