"""`thalweg doctor`."""

from pathlib import Path
from typing import Any

import click
import msgspec

import store
from core.data import files
from core.errors import RunError
from core.specs.data import DATA
from tui.cli.location import CommandLocation, engine_of
from tui.cli.output import heading, note, pairs, print_json, say
from tui.cli.run_command import data_option, json_option
from tui.shared.formatting import clean, count_words, counts_text, value

Facts = dict[str, Any]


@click.command(epilog="\b\nExample:\n  thalweg doctor --prune")
@click.option("--prune", is_flag=True, help="Delete files that nothing points at (older than an hour).")
@json_option
@data_option
@click.pass_obj
def doctor(location: CommandLocation, prune: bool, as_json: bool, data_root: str | None) -> int:
    """Report on this machine, the data sets and the catalogue. Exit status 1 where something is damaged."""
    machine, data = _machine(), _data(data_root)
    catalogue = _catalogue(location, prune=prune)
    if as_json:
        print_json({"machine": machine, "data": data, "catalogue": catalogue})
    else:
        heading("machine", first=True)
        pairs(_lines(machine))
        heading("data sets")
        pairs([(name, where) for name, where in data.items()])
        heading("catalogue")
        pairs(_lines({key: one for key, one in catalogue.items() if key != "findings"}))
        for finding in catalogue["findings"]:
            say(f"{finding['level']}: {clean(finding['text'])}")
    return 1 if any(one["level"] == "error" for one in catalogue["findings"]) else 0


def _lines(facts: Facts) -> list[tuple[str, str]]:
    return [(key.replace("_", " "), value(one)) for key, one in facts.items()]


def _machine() -> Facts:
    """Versions and devices, found by a child process that loads torch."""
    from core.engine.probe import ask  # noqa: PLC0415 - psutil, subprocess and specs, which --help goes without

    note("Looking at this machine ...")
    try:
        return ask({"question": "facts"})
    except RunError as error:
        return {"error": str(error)}


def _data(data_root: str | None) -> dict[str, str]:
    """Where the files are of each data set that is known by its name alone."""
    root = files.data_root(data_root)
    named = {name: spec for name, spec in DATA.items() if not any(one.required for one in msgspec.structs.fields(spec))}
    return {name: _where(files.locate(spec(), root), root) for name, spec in named.items()}


def _where(folder: Path | None, root: Path) -> str:
    if folder is None:
        return f"not here; looked for under {root}"
    return "built in" if folder == root else str(folder)


def _catalogue(location: CommandLocation, *, prune: bool) -> Facts:
    """How the catalogue is: what is in it, what is wrong with it."""
    from core.engine.silent_machines import silent_runs  # noqa: PLC0415 - half a second with its database; no --help needs it

    catalogue = location.if_there()
    if catalogue is None:
        return {"path": str(location.path), "exists": False, "findings": []}
    facts: Facts = {"path": str(location.path), "exists": True}
    if prune:
        gone = store.prune(catalogue)
        facts |= {"pruned_files": gone.files, "pruned_bytes": gone.bytes}
    findings = [*store.examine(catalogue), *(store.HealthIssue("note", one) for one in silent_runs(catalogue))]
    facts["agent"] = engine_of(catalogue).agent_status()
    if not any(one.level == "error" for one in findings):
        with catalogue.read() as session:
            facts["runs"] = counts_text(count_words(store.Runs(session).counts(), store.Runs(session).findings()))
            facts |= {kind: store.count_rows(session, kind) for kind in ("models", "paths", "bounds")}
    return {**facts, "bytes": location.path.stat().st_size, "findings": [vars(one) for one in findings]}
