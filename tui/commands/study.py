"""`thalweg study`."""

import click

from core.errors import UsageError, unknown_name
from core.studies import STUDIES
from tui.kinds import Name
from tui.output import print_json, say, table
from tui.running import How, detached, finished, made_by, run_options, status_of
from tui.texts import clean, value

SCALES = ("small", "paper")
TITLES = {
    "train_loss_a": "loss at a",
    "train_loss_b": "at b",
    "max_train_loss": "highest",
    "normalized_length": "length",
}


@click.command(epilog="\b\nExample:\n  thalweg study fb17-e1 --scale small")
@click.argument("name", required=False, type=Name(lambda: STUDIES))
@click.option("--scale", metavar="|".join(SCALES), type=Name(lambda: dict.fromkeys(SCALES)), default="small")
@run_options
def study(how: How, name: str | None, scale: str) -> int:
    """Repeat a paper's experiment as runs; print its table. Without a NAME: list the studies.

    Exit status 1 where a run failed, even where a failure is what the paper predicts.
    """
    if name is None:
        _list(how)
        return 0
    if name not in STUDIES:
        raise unknown_name("study", name, STUDIES)
    if scale not in SCALES:
        raise unknown_name("scale", scale, SCALES)
    asked = STUDIES[name]
    client = how.client(create=True)
    ids = client.enqueue_plan(asked.expand(scale), device=how.device, study=name)
    if how.detach:
        return detached(how, ids, as_list=True)
    runs = finished(how, client, ids)
    rows = made_by(client, "paths", [run for run in runs if run.kind == "connect"])
    found = asked.reduce([row for row in rows if row["id"] is not None])
    sentence = found.sentence if found.rows else "No connection was made, so nothing can be said."
    if how.as_json:
        print_json({"study": name, "run_ids": ids, "rows": rows, "sentence": sentence})
    else:
        titles = [TITLES.get(column, column) for column in found.columns]
        table(titles, [[value(cell) for cell in row] for row in found.rows], squeeze=("cause",))
        say(f"\n{clean(sentence)}")
    return status_of(runs)


def _list(how: How) -> None:
    if how.detach or how.device:
        raise UsageError("Which study? `thalweg study` alone lists them.")
    if how.as_json:
        print_json([{"name": name, "help": one.help} for name, one in STUDIES.items()])
    else:
        table(("study", "shows"), [(name, one.help) for name, one in STUDIES.items()])
