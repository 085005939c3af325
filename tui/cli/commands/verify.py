"""`thalweg verify`."""

import math
from typing import Any

import click

import store
from core.verification import shortcomings
from tui.cli.arguments import Id
from tui.cli.location import CommandLocation
from tui.cli.output import note, pairs, print_json, say, table
from tui.cli.run_command import data_option, json_option, trust_option
from tui.shared.formatting import number, value

Facts = dict[str, Any]


@click.command(epilog="\b\nExample:\n  thalweg verify 3")
@click.argument("path_id", metavar="PATH", type=Id())
@json_option
@data_option
@trust_option
@click.pass_obj
def verify(location: CommandLocation, path_id: int, as_json: bool, data_root: str | None, trust: bool) -> int:
    """Check a path's certificate again from its tensors, network and data, in float64.

    Exit status 1 where it does not hold.
    """
    client = location.client(data_root, trust=trust)
    with client.catalogue.read() as session:
        path = store.Paths(session).get(path_id)
        bounds = [one.bound for one in store.Paths(session).segments(path_id)]
        state = store.Runs(session).get(path.run_id).state
    note(f"Checking path {path_id} in float64 ...")
    facts = client.verify(path_id)
    kept = {**vars(path), "bounds": bounds}
    wrong = shortcomings(facts, kept)
    if as_json:
        print_json({**facts, "run_id": path.run_id, "state": state, "verified": not wrong, "wrong": wrong})
    else:
        _print(facts, kept, wrong)
    return 1 if wrong else 0


def _print(facts: Facts, kept: Facts, wrong: list[str]) -> None:
    verdict = f"does NOT hold: {'; '.join(wrong)}" if wrong else "holds"
    say(f"Path {facts['id']}: what the catalogue says {verdict}.")
    level = kept["level"]
    pairs(
        [
            ("certificate", f"{value(facts['certificate'])} (in the catalogue: {value(kept['certificate'])})"),
            ("level", f"{number(facts['level'])} (in the catalogue: {number(math.nan if level is None else level)})"),
            ("of which rounding (drift)", number(facts["drift"])),
            ("train loss at the ends", f"{number(facts['train_loss_a'])} and {number(facts['train_loss_b'])}"),
            ("highest train loss seen", number(facts["max_train_loss"])),
            ("largest departure from a claim", number(facts["residual"])),
            ("segments", value(facts["segments"])),
            ("pieces", value(facts["pieces"])),
            ("claims refused", value(facts["refused"])),
        ]
    )
    verdicts = facts.get("verdicts") or []
    if any(one["granted"] != "sampled" for one in verdicts):
        names = ("segment", "claim", "granted", "reason")
        table(names, [[value(one.get(name)) for name in names] for one in verdicts], squeeze=("reason",))
