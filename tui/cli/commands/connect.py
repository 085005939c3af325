"""`thalweg connect`."""

from core.specs.runs import RunSpec
from tui.cli.option_help import run_command
from tui.cli.output import print_json
from tui.cli.results import pairs_table, print_path
from tui.cli.run_command import RunOptions, report_enqueued, results_of, run_and_report, status_of, wait_for

EPILOG = """\b
Examples:
  thalweg connect 1 2 --method string -o alpha=0.8 --below 0.05
  thalweg connect 1 2 3 4 5 6 --pairs --method string --below 0.05
"""


@run_command("connect", EPILOG)
def connect(run_options: RunOptions, spec: RunSpec) -> int:
    """Construct a low-loss path between models A and B, and print what it is worth.

    Models are ids, or run:ID for what a run makes (run:ID:1 for its second model). With --pairs they are read two by
    two, as pairs of one network and data set: one run leaves a path for each.
    """
    if not getattr(spec, "pairs", False):
        return run_and_report(run_options, spec, "paths", lambda row, _: print_path(row))
    client = run_options.client()
    run_id = client.enqueue(spec, device=run_options.device)
    if run_options.detach:
        return report_enqueued(run_options, [run_id], as_list=True)
    runs = wait_for(run_options, client, [run_id])
    paths = [row for row in results_of(client, "paths", runs) if row["id"] is not None]
    if run_options.as_json:
        print_json(paths)
    elif paths:
        pairs_table(paths)
    return status_of(runs)
