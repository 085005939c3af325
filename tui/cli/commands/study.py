"""`thalweg study`."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from core.errors import UsageError, unknown_name
from core.studies import STUDIES
from core.studies.plan import PAPER, Findings, Planned, Study
from tui.cli import study_report
from tui.cli.arguments import Name
from tui.cli.output import note, print_json, say, table
from tui.cli.progress import wait
from tui.cli.run_command import RunOptions, report_enqueued, say_failed, with_run_options
from tui.shared.columns import Row, state_word
from tui.shared.formatting import clean, counts_text, value

if TYPE_CHECKING:
    from core.engine.client import Client
    from store.runs import Run

TITLES = {
    "train_loss_a": "loss at a",
    "train_loss_b": "at b",
    "max_train_loss": "highest",
    "normalized_length": "norm length",
}
EPILOG = """\b
Example:
  thalweg study nbm21-fig3a --scale small"""


@click.command(epilog=EPILOG)
@click.argument("name", required=False, type=Name(STUDIES))
@click.option(
    "--scale",
    metavar="small|medium|paper",
    type=Name(dict.fromkeys(scale for one in STUDIES.values() for scale in one.scales)),
    default=PAPER,
    help="The paper's settings (default), or less: small is minutes on a laptop, medium an evening.",
)
@click.option(
    "--to", metavar="DIR", type=click.Path(path_type=Path), help="Where table and figure go. Default: NAME-SCALE."
)
@click.option("--log", "logarithmic", is_flag=True, help="The figure's losses on a logarithmic axis.")
@click.option("--fresh", is_flag=True, help="Start over instead of resuming.")
@click.option("--partial", is_flag=True, help="Start nothing: make the table and figure from what exists.")
@with_run_options
def study(  # noqa: PLR0913 - one for each thing that can be said
    run_options: RunOptions,
    name: str | None,
    scale: str,
    *,
    to: Path | None,
    logarithmic: bool,
    fresh: bool,
    partial: bool,
) -> int:
    """Repeat a paper's experiment as runs; leave a table and a figure. Without a NAME: list the studies.

    The same command again goes on where it stopped: runs that are done count, what failed or was cancelled is begun
    again. Exit status 1 where a run failed or is missing, even where a failure is what the paper predicts.
    """
    if name is None:
        _list(run_options)
        return 0
    if name not in STUDIES:
        raise unknown_name("study", name, STUDIES)
    if scale not in STUDIES[name].scales:
        raise unknown_name("scale", scale, STUDIES[name].scales)
    if partial and (fresh or run_options.detach):
        raise UsageError("--partial starts nothing: leave out --fresh and --detach.")
    folder = to or Path(f"{name}-{scale}")
    study_report.check(folder)
    asked = STUDIES[name]
    client, plan = run_options.client(create=not partial), asked.expand(scale)
    if run_options.detach:
        return report_enqueued(
            run_options, client.enqueue_plan(plan, device=run_options.device, study=name, go_on=not fresh), as_list=True
        )
    runs = client.runs_begun(plan) if partial else _ended(run_options, client, plan, name, fresh=fresh)
    found = asked.reduce(study_report.outcomes(client, plan, runs))
    about: Row = {"study": name, "scale": scale, "sentence": _sentence(asked, found, scale, runs)}
    about |= study_report.about(client, plan, runs)
    files = study_report.write(folder, found, about, logarithmic=logarithmic)
    _print(run_options, found, about)
    note(f"Written to {folder}: {', '.join(file.name for file in files)}")
    return 0 if all(run is not None and run.state == "done" for run in runs) else 1


def _ended(
    run_options: RunOptions, client: "Client", plan: list[Planned], name: str, *, fresh: bool
) -> "list[Run | None]":
    """All runs, ended. Those found at work whose process is gone, as after a crash, are begun again once."""
    began = datetime.now(UTC)
    ids = client.enqueue_plan(plan, device=run_options.device, study=name, go_on=not fresh)
    done = sum(run is not None and run.state == "done" for run in client.runs_begun(plan))
    note(f"{len(ids)} runs, of which {done} are done. Ctrl-C leaves the others running; the same command resumes.")
    runs = wait(client, ids, run_options.location)
    if any(run.created_at < began and run.cause_kind == "killed" for run in runs):
        note("Runs whose process was lost are started again.")
        runs = wait(
            client, client.enqueue_plan(plan, device=run_options.device, study=name, go_on=True), run_options.location
        )
    say_failed([run for run in runs if run.state != "done"], run_options.location)
    return list(runs)


def _sentence(study: Study, found: Findings, scale: str, runs: "list[Run | None]") -> str:
    """What held, at which scale, and what is missing."""
    failed = Counter(state_word(vars(run)) for run in runs if run is not None and run.state == "failed")
    missing = sum(run is None or run.state not in ("done", "failed") for run in runs)
    short = [text for count, text in ((failed, counts_text(failed)), (missing, f"{missing} missing")) if count]
    parts = [found.sentence]
    if short:
        parts.append(f"Of {len(runs)} runs: {', '.join(short)}.")
    if scale in study.smaller:
        parts.append(f"{scale.capitalize()} scale: {study.smaller[scale]}.")
    return " ".join(parts)


def _print(run_options: RunOptions, found: Findings, about: Row) -> None:
    if run_options.as_json:
        rows = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
        run_ids = [one["id"] for one in about["runs"]]
        print_json({"study": about["study"], "run_ids": run_ids, "rows": rows, "sentence": about["sentence"]})
        return
    titles = ["±" if name.endswith("_ci95") else TITLES.get(name, name) for name in found.columns]
    table(titles, [[value(cell) for cell in row] for row in found.rows], squeeze=("cause", "setting"))
    say(f"\n{clean(about['sentence'])}")


def _list(run_options: RunOptions) -> None:
    if run_options.detach or run_options.device:
        raise UsageError("Which study? `thalweg study` alone lists them.")
    if run_options.as_json:
        print_json([{"name": name, "help": one.help} for name, one in STUDIES.items()])
    else:
        table(("study", "shows"), [(name, one.help) for name, one in STUDIES.items()])
