"""What the commands that start runs share: their options, enqueueing, waiting, the exit status."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

import store
from core.errors import FINDINGS, UsageError, sentence
from tui.cli.location import CommandLocation
from tui.cli.output import note, print_json
from tui.shared.columns import state_word
from tui.shared.formatting import counts_text

if TYPE_CHECKING:
    from core.engine.client import Client
    from core.specs.runs import RunSpec
    from store.runs import Run

Row = dict[str, object]
MOST_FAILED = 8  # runs named one by one


@dataclass(frozen=True)
class RunOptions:
    """Where a run executes, and how its command reports."""

    location: CommandLocation
    device: str | None
    detach: bool
    as_json: bool
    data_root: str | None
    trust: bool = False

    def client(self, *, create: bool = False) -> "Client":
        return self.location.client(self.data_root, create=create, trust=self.trust)


def with_run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --device, --detach, --json, --data-root and --trust-changed-file; passed on as one `RunOptions`."""

    @click.option("--device", metavar="NAME", help="cpu, cuda or cuda:N. Default: the best that is free.")
    @click.option("--detach", is_flag=True, help="Only enqueue; print the run.")
    @json_option
    @data_option
    @trust_option
    @wraps(command)
    def with_options(device: str | None, detach: bool, as_json: bool, data_root: str | None, **rest: Any) -> Any:
        location = click.get_current_context().obj
        return command(RunOptions(location, device, detach, as_json, data_root, rest.pop("trust")), **rest)

    return with_options


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(command)


def data_option(command: Callable[..., Any]) -> Callable[..., Any]:
    option = click.option("--data-root", metavar="PATH", envvar="THALWEG_DATA", help="The folder of data sets.")
    return option(command)


def trust_option(command: Callable[..., Any]) -> Callable[..., Any]:
    text = "Continue even if the network's file has changed."
    return click.option("--trust-changed-file", "trust", is_flag=True, help=text)(command)


def texts_of(options: Sequence[str], flags: Mapping[str, str | None], of: str) -> dict[str, str]:
    """What `-o key=value` and flags of the same names say together. Raises UsageError where both speak."""
    from core.specs.options import pairs  # noqa: PLC0415 - the specs, which commands that only look go without

    texts = pairs(list(options), of)
    for name, text in flags.items():
        if text is not None and name in texts:
            raise UsageError(f"{of}: {name} is given both by --{name.replace('_', '-')} and by -o.")
        if text is not None:
            texts[name] = text
    return texts


def wait_for(run_options: RunOptions, client: "Client", run_ids: Sequence[int]) -> "list[Run]":
    """Wait for runs and say on standard error which did not end well."""
    from tui.cli.progress import wait  # noqa: PLC0415 - commands that only look never wait

    runs = wait(client, run_ids, run_options.location)
    say_failed([run for run in runs if run.state != "done"], run_options.location)
    return runs


def say_failed(runs: "Sequence[Run]", location: CommandLocation) -> None:
    """Say which runs did not end well and why, and what to do."""
    for run in runs[:MOST_FAILED]:
        note(ending_sentence(run))
    if len(runs) > MOST_FAILED:
        note(f"and {len(runs) - MOST_FAILED} more; `{location.command} list runs --where state=failed` shows all.")
    if len(runs) > 1:
        note(f"Of these {len(runs)} runs: {counts_text(Counter(state_word(vars(run)) for run in runs))}.")
    if failed := [run.id for run in runs if run.state == "failed"]:
        ids = " ".join(map(str, failed)) if len(failed) <= MOST_FAILED else "--failed"
        note(f"`{location.command} log {failed[0]}` shows what it wrote, `{location.command} relaunch {ids}` repeats.")


def ending_sentence(run: "Run") -> str:
    """How a run ended that isn't done, and why: a finding says what was found, not that it failed."""
    kind, cause = str(run.cause_kind), run.cause or ""
    if run.state == "cancelled":
        how = "was cancelled"
    elif run.outcome == "finding" and cause.startswith("could not "):
        return sentence(f"Run {run.id} {cause}")
    else:
        how = "ended" if run.outcome == "finding" else run.state
    told = run.cause_kind in (None, run.state) or cause.startswith(kind)
    why = ("" if told else f" ({FINDINGS.get(kind, kind)})") + (f": {cause}" if cause else "")
    return sentence(f"Run {run.id} {how}{why}")


def status_of(runs: "Sequence[Run]") -> int:
    return 0 if all(run.state == "done" for run in runs) else 1


def results_of(client: "Client", kind: str, runs: "Sequence[Run]") -> list[Row]:
    """What runs left behind, with the cause where they failed; a run that left nothing gives a row without id."""
    found: list[Row] = []
    with client.catalogue.read() as session:
        for run in runs:
            rows = store.list_rows(session, kind, f"run_id={run.id}") or [no_result(run.id, run.state)]
            why = {"cause": run.cause, "cause_kind": run.cause_kind, "outcome": run.outcome}
            found += [{**row, **why} for row in rows]
    return found


def run_and_report(run_options: RunOptions, spec: "RunSpec", kind: str, show: "Callable[[Row, Client], None]") -> int:
    """Enqueue one run and, unless detached, wait and print the row of `kind` that it left; the exit status."""
    client = run_options.client()
    run_id = client.enqueue(spec, device=run_options.device)
    if run_options.detach:
        return report_enqueued(run_options, [run_id])
    runs = wait_for(run_options, client, [run_id])
    found = results_of(client, kind, runs)
    row = found[0] if found else no_result(run_id, runs[0].state)
    if run_options.as_json:
        print_json(row)
    elif row["id"] is not None:
        show(row, client)
    return status_of(runs)


def no_result(run_id: int, state: str) -> Row:
    return {"id": None, "run_id": run_id, "state": state}


def report_enqueued(run_options: RunOptions, run_ids: Sequence[int], *, as_list: bool = False) -> int:
    """Answer for runs that were only enqueued."""
    if run_options.as_json:
        rows = [no_result(run_id, "queued") for run_id in run_ids]
        print_json(rows if as_list or len(rows) != 1 else rows[0])
    else:
        click.echo("\n".join(f"run:{run_id}" for run_id in run_ids))
    note(f"Enqueued; `{run_options.location.command} list runs` shows how far it is.")
    return 0
