"""`thalweg quickstart`."""

import click

from core.studies.quickstart import plan
from tui.cli.output import note, print_json, say
from tui.cli.results import paths_table
from tui.cli.run_command import RunOptions, report_enqueued, results_of, status_of, wait_for, with_run_options
from tui.shared.columns import Row
from tui.shared.formatting import number

INTRODUCTION = (
    "Two networks are trained on 8x8 images of handwritten digits, from different\n"
    "random starts; then they are joined by a straight line, by a string of beads\n"
    "and through sparse subnetworks, and every path is proven. About a minute."
)
EXPLANATION = """\
Two networks that do the same job are far apart. 'highest' is the largest train
loss met on the way from one to the other; 'barrier' is how much that is above
the worse end. Along the straight line the loss usually climbs; a string bends
around the hill by networks trained in between ('beads'; 'norm length' is how
many times as long as the straight line it is); 'sparse' leads through parts of
the networks themselves. The certificate says what is known between the points
that were looked at. 'exact': proven by how the path is made. 'enclosed': proven
by a search that bounds the loss on one small piece of the path after the other;
what is proven is a little above what is seen. 'sampled': looked at closely, and
no more."""


@click.command(epilog="\b\nExample:\n  thalweg quickstart")
@with_run_options
def quickstart(run_options: RunOptions) -> int:
    """A first look: train two networks, connect them by several methods, certify, in about a minute.

    The runs go to the catalogue like any others.
    """
    client = run_options.client(create=True)
    note(INTRODUCTION)
    ids = client.enqueue_plan(plan(), device=run_options.device, study="quickstart")
    if run_options.detach:
        return report_enqueued(run_options, ids, as_list=True)
    runs = wait_for(run_options, client, ids)
    rows = results_of(client, "paths", [run for run in runs if run.kind == "connect"])
    if run_options.as_json:
        print_json(rows)
    elif found := [row for row in rows if row["id"] is not None]:
        paths_table(found)
        say(f"\n{EXPLANATION}\n")
        say(_next(run_options, found))
    return status_of(runs)


def _next(run_options: RunOptions, rows: list[Row]) -> str:
    """The result, and the commands to try next."""
    best = min(rows, key=lambda row: (row["max_train_loss"] is None, row["max_train_loss"]))
    ids = " ".join(str(row["id"]) for row in rows)
    lines = [
        *(
            f"Path {row['id']} is proven: its loss is nowhere above {number(row['level'])}."
            for row in rows
            if row["certified"]
        ),
        f"Lowest here: path {best['id']}, by {best['method']}, at {number(best['max_train_loss'])}. Next:",
        f"  {run_options.location.command} plot paths {ids}",
        f"  {run_options.location.command} show path {best['id']}",
        f"  {run_options.location.command} connect {best['model_a']} {best['model_b']} --method string --below 0.03",
    ]
    return "\n".join(lines)
