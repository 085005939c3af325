"""The names that people's scripts, notebooks and files rely on, as the code has them: `python -m tests.outside`.

Printed as JSON, a sorted list for each sort. `tests/outside.json` is such a list: names may come, none may go.
"""

import json
from collections.abc import Iterator

import click
import msgspec
from msgspec import inspect

from core import results
from core.errors import FINDINGS
from core.path import FORMER, Claim
from core.specs.bounds import BOUNDS
from core.specs.data import DATA
from core.specs.kinds import KINDS
from core.specs.methods import METHODS
from core.specs.networks import NETWORKS
from core.specs.options import Options, describe
from core.studies import STUDIES
from store.listing import COLUMNS
from store.states import FINISHED
from tui.main import COMMANDS, cli


def names() -> dict[str, list[str]]:
    """Every sort of name."""
    records = {"run": {name: kind.spec for name, kind in KINDS.items()}, "method": METHODS, "bound": BOUNDS}
    records |= {"network": NETWORKS, "data": DATA}
    found = {
        "commands and flags": _flags(cli),
        "options": (one for sort, among in records.items() for one in _options(sort, among)),
        "columns": (f"{table}.{column.name}" for table, columns in COLUMNS.items() for column in columns),
        "networks": NETWORKS,
        "data": DATA,
        "studies": (f"{name} {scale}" for name, study in STUDIES.items() for scale in study.scales),
        "claims": [*Claim, *FORMER],
        "states": FINISHED,
        "findings": FINDINGS,
        "events": _events(),
    }
    return {sort: sorted({str(one) for one in some}) for sort, some in found.items()}


def _flags(group: click.Group) -> Iterator[str]:
    ctx = click.Context(group)
    for name in COMMANDS:
        command = group.get_command(ctx, name)
        assert command is not None
        yield name
        yield from (f"{name} {flag}" for one in command.params for flag in (*one.opts, *one.secondary_opts))


def _options(sort: str, among: dict[str, type[Options]]) -> Iterator[str]:
    for name, record in among.items():
        for option in describe(record):
            yield f"{sort} {name} {option.name}"
            yield from (f"{sort} {name} {option.name}={value}" for value in option.choices)


def _events() -> Iterator[str]:
    """Tags of the journal's lines, and their fields."""
    for event in vars(results).values():
        if isinstance(event, type) and issubclass(event, msgspec.Struct) and event.__struct_config__.tag:
            yield from (f"{event.__struct_config__.tag}.{field.name}" for field in inspect.type_info(event).fields)


if __name__ == "__main__":
    print(json.dumps(names(), indent=1))
