"""`thalweg certify`."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import click

from core.specs.runs import RunSpec, to_json
from tui.cli.chosen_rows import chosen_ids, with_row_choice
from tui.cli.option_help import OptionsCommand, flags_of, keys_option, records
from tui.cli.output import note, print_json, table
from tui.cli.results import certificates_table, print_certificate
from tui.cli.run_command import (
    RunOptions,
    report_enqueued,
    results_of,
    run_and_report,
    status_of,
    texts_of,
    wait_for,
    with_run_options,
)
from tui.shared.columns import spec_options
from tui.shared.requests import specs_of

EPILOG = """\b
Examples:
  thalweg certify 3 -o slack=0.01
  thalweg certify --where 'certificate=sampled method=string'
"""


@click.command(cls=OptionsCommand, records=partial(records, "certify"), epilog=EPILOG)
@click.argument("path", metavar="[PATH...]", nargs=-1)
@with_row_choice
@flags_of("certify")
@keys_option
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@with_run_options
def certify(
    run_options: RunOptions,
    path: Sequence[str],
    where: str | None,
    every: bool,
    options: Sequence[str],
    dry_run: bool,
    **flags: str | None,
) -> int:
    """Decide the certificates of paths again, each in a run, and keep them beside the others.

    Straight segments that have no proof are searched for one. PATH is an id, or run:ID for what a run makes. A path
    shows its strongest certificate.
    """
    named = chosen_ids(run_options.client().catalogue, "paths", path, where, every)
    texts = {**texts_of(options, flags, "certify"), "path": " ".join(map(str, named))}
    specs = specs_of("certify", texts) if named else []
    if dry_run:
        return _rehearsed(run_options, specs)
    if len(path) == 1:
        return run_and_report(
            run_options, specs[0], "certificates", lambda row, client: print_certificate(row, client.catalogue)
        )
    return _answered(run_options, specs)


def _rehearsed(run_options: RunOptions, specs: Sequence[RunSpec]) -> int:
    """Say what would be enqueued, or why it would be refused."""
    client = run_options.client()
    for spec in specs:
        client.rehearse(spec, device=run_options.device)
    rows: list[dict[str, Any]] = [{"spec": to_json(spec)} for spec in specs]
    if run_options.as_json:
        print_json(rows)
    elif not rows:
        note("No path is chosen.")
    else:
        table(("what",), [(spec_options(row["spec"]),) for row in rows])
    return 0


def _answered(run_options: RunOptions, specs: Sequence[RunSpec]) -> int:
    """Enqueue one run for each path and, unless report_enqueued, wait and print what they found; the exit status."""
    client = run_options.client()
    ids = client.enqueue_all(specs, device=run_options.device)
    if not ids:
        note("There is nothing to certify: no path is like that.")
    elif run_options.detach:
        return report_enqueued(run_options, ids, as_list=True)
    runs = wait_for(run_options, client, ids)
    rows = results_of(client, "certificates", runs)
    if run_options.as_json:
        print_json(rows)
    elif found := [row for row in rows if row["id"] is not None]:
        certificates_table(found)
    return status_of(runs)
