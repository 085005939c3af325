"""The default columns of lists and screens: a readable choice, made for 80 characters."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import Any

import msgspec

import store
from core.errors import UsageError
from core.files import amount
from core.results import beyond_rounding
from core.specs.kinds import KINDS, inputs_of
from core.specs.runs import NewerSpecError, from_json
from tui.shared.formatting import NOTHING, ago, clean, duration, number, percent, run_state_word, state_symbol, value

Row = dict[str, Any]

ABOUT = {"model": ("model_a", "model_b", "model_id"), "path": ()}  # columns of rows that aren't runs
MEASURES: dict[str, Callable[[Any], str]] = {"seconds": duration, "eta_seconds": duration, "artifact_bytes": amount}
TIMES = ("created_at", "started_at", "finished_at", "cancel_requested_at", "heartbeat_at")


@dataclass(frozen=True)
class ListColumn:
    """One column of a list; where the terminal is narrow a `squeeze` column may be cut short
    and a `spare` one takes no room from others.

    `made_of` are the catalogue's columns that it tells of, the one to sort by first.
    """

    title: str
    cell: Callable[[Row], str]
    made_of: tuple[str, ...]
    squeeze: bool = False
    spare: bool = False

    @property
    def name(self) -> str:
        """Its name where columns are chosen and remembered."""
        return self.made_of[0] if len(self.made_of) == 1 else self.title


def of(key: str, title: str = "", show: Callable[[Any], str] = value, *, squeeze: bool = False) -> ListColumn:
    return ListColumn(title or key, lambda row: show(row[key]), (key,), squeeze)


def list_columns(kind: str, encoding: str | None) -> tuple[ListColumn, ...]:
    """The columns of a kind's list."""
    if kind == "runs":
        return (
            of("id"),
            ListColumn("state", lambda row: state_symbol(short_state_word(row), encoding), ("state", "outcome")),
            *RUNS,
        )
    return OTHERS[kind]


def state_word(row: Row) -> str:
    """A run's state in a word, or what it found."""
    return run_state_word(row["state"], row["outcome"], row["cause_kind"])


def short_state_word(row: Row) -> str:
    """The same beside a column that shows the cause: its state, or that it found something."""
    return "finding" if row["outcome"] == "finding" else str(row["state"])


def all_of(names: Iterable[str], times: Sequence[str]) -> tuple[ListColumn, ...]:
    """Columns as they are called in the catalogue; `times` are those that hold times."""
    return tuple(
        ListColumn(name, excess, (name, "drift")) if name == "excess" else of(name, show=_shower(name, times))
        for name in names
    )


def column_names(kind: str, columns: str | None) -> list[str]:
    """The columns in `--columns`, or all there are.

    Raises FilterError for an unknown name, UsageError for an empty list.
    """
    names = tuple(name for name in (columns or "").split(",") if name.strip())
    if columns is not None and not names:
        raise UsageError("--columns takes names joined by commas; none was given.")
    return [column.name for column in store.Selection(kind, names=names).columns()]


def _shower(name: str, times: Sequence[str]) -> Callable[[Any], str]:
    return moment if name in times else network if name == "network" else value


def excess(row: Row) -> str:
    """How far a level is above the larger end; nothing where rounding alone may be what it rises by."""
    given = row["excess"]
    return value(None if given is None else beyond_rounding(given, row.get("drift")))


def moment(text: Any) -> str:
    """A time of the catalogue, seen from now."""
    return ago(datetime.fromisoformat(text)) if text else NOTHING


def cell(key: str, given: Any) -> str:
    """One value, in the words that its column needs."""
    if key in TIMES:
        return f"{moment(given)} ({given[:19]}Z)" if given else NOTHING
    if key in MEASURES and given is not None:
        return MEASURES[key](given)
    if key == "state":
        return state_symbol(given, sys.stdout.encoding)
    if key == "spec":
        return spec_options(given)
    if key in ("environment", "source") and given:
        return options(given)
    return value(given)


def run_summary(row: Row) -> str:
    """What a run does, in a few words, and its name if it has one."""
    name = f" ({row['name']})" if row["name"] else ""
    return clean(_what_it_does(row) + name)


def kind_and_summary(row: Row) -> str:
    """The kind of a run, then what it does; one without a method names its kind itself."""
    summary = run_summary(row)
    return summary if summary.startswith(f"{row['kind']} ") else f"{row['kind']} {summary}"


def _what_it_does(row: Row) -> str:
    """What it trains; what it joins; or what it does, and to what."""
    try:
        spec = from_json(row["spec"])
    except NewerSpecError:
        return "spec of a newer version"
    except UsageError:
        return " ".join(network(row[key]) for key in ("method", "network", "data") if row[key])
    of_network = f", {network(row['network'])}" if row["network"] else ""
    refs = inputs_of(spec)
    read = list(map(str, refs))
    if not read:
        count = KINDS[row["kind"]].promised("models", spec)
        return f"{network(row['network'])} {row['data']}" + (f" x{count}" if count > 1 else "")
    if len(read) == 2:
        return f"{' to '.join(read)}, {row['method']}{of_network}"
    plain = KINDS[row["kind"]].choice is None  # certify path 4; otherwise rank of 4
    does = f"{row['kind']} {refs[0].noun}" if plain else f"{row['method'] or row['kind']} of"
    return f"{does} {', '.join(read)}{of_network}"


def network(text: str | None) -> str:
    """A network in a list; for a network file its name and factory, without its folder."""
    kind, _, source = (text or "").partition(":")
    if kind != "file":
        return value(text)
    path, _, factory = source.partition(",")[0].rpartition(":")
    return clean(f"file:{PurePath(path).name}:{factory}")


def references_of(kind: str, row: Row, noun: str) -> list[str]:
    """The models or paths (`noun`) that a row is about, as a command line names them: what it is, reads or makes."""
    if kind == f"{noun}s":
        return [str(row["id"])]
    if kind != "runs":
        return [str(row[name]) for name in ABOUT[noun] if row.get(name) is not None]
    try:
        spec = from_json(row["spec"])
    except UsageError:
        return []
    read = [str(ref) for ref in inputs_of(spec) if ref.noun == noun]
    made = KINDS[row["kind"]].promised(f"{noun}s", spec)
    return read or [f"run:{row['id']}:{place}" for place in range(made)]


def spec_fields(text: str) -> Row:
    """The fields of a stored spec by name; of one that can't be read only why, as its `spec`."""
    try:
        fields: Row = msgspec.to_builtins(from_json(text))
    except UsageError as error:
        return {"spec": str(error)}
    return fields


def time_of(row: Row) -> str:
    """When it ended, its remaining time, or since when it waits."""
    if row["state"] in ("running", "stale") and row["eta_seconds"] is not None:
        return f"{' '.join(duration(row['eta_seconds']).split()[:2])} left"  # as short as "17 min ago"
    return moment(row["finished_at"] or row["started_at"] or row["created_at"])


def cause_or_message(row: Row) -> str:
    """Why it failed, or what it is doing now."""
    return value(row["cause"] or (row["message"] if row["state"] in ("queued", "running", "stale") else None))


def _ends(row: Row) -> str:
    return f"{row['model_a']} to {row['model_b']}"


def _names(row: Row) -> str:
    names = [row["name_a"], row["name_b"]]
    return " to ".join(value(name) for name in names) if any(names) else NOTHING


RUNS = (
    of("kind"),
    ListColumn("what", run_summary, ("network", "data", "method", "name"), squeeze=True),
    of("fraction", "done", percent),
    ListColumn("when", time_of, ("created_at", "started_at", "finished_at", "eta_seconds")),
    ListColumn("cause or message", cause_or_message, ("cause", "message"), squeeze=True),
)
OTHERS = {
    "models": (
        of("id"),
        of("name", squeeze=True),
        of("network", show=network, squeeze=True),
        of("data", squeeze=True),
        of("seed"),
        of("train_loss", "train loss", number),
        of("train_error", "train err", percent),
        of("test_error", "test err", percent),
        of("run_id", "run"),
    ),
    "paths": (
        of("id"),
        ListColumn("models", _ends, ("model_a", "model_b")),
        of("method", squeeze=True),
        of("max_train_loss", "highest", number),
        of("level", show=number),
        of("certificate", squeeze=True),
        of("barrier", show=number),
        of("beads"),
        of("normalized_length", "norm length", number),
    ),
    "bounds": (
        of("id"),
        of("model_id", "model"),
        of("kind"),
        of("value", show=number),
        of("layer_count", "layers"),
        of("summary", squeeze=True),
        of("run_id", "run"),
    ),
    "certificates": (
        of("id"),
        of("path_id", "path"),
        of("kind", "certificate"),
        of("level", show=number),
        of("seen", "highest", number),
        of("drift", show=number),
        of("pieces"),
        of("run_id", "run"),
        of("created_at", "when", moment),
    ),
    "profiles": all_of(("path_id", "t", "segment", "train_loss", "train_error", "test_loss", "test_error"), ()),
    "metrics": all_of(("run_id", "name", "step", "value", "seconds"), ()),
}


#: Of a path's models: the last column of a table on the screen.
NAMES = ListColumn("names", _names, ("name_a", "name_b"), spare=True)


def options(text: str) -> str:
    """An environment, JSON text, as key=value."""
    try:
        found = json.loads(text)
    except ValueError:
        return clean(text)
    return clean("  ".join(_flat(found))) if isinstance(found, dict) else clean(text)


def spec_options(text: str) -> str:
    """A stored spec as key=value."""
    return clean("  ".join(_flat(spec_fields(text))))


def _flat(found: Row, before: str = "") -> list[str]:
    texts = []
    for key, one in found.items():
        if isinstance(one, dict):
            texts += _flat(one, f"{before}{key}.")
        elif isinstance(one, list | tuple) and all(isinstance(part, dict) for part in one):
            texts += _flat({str(place): part for place, part in enumerate(one)}, f"{before}{key}.")
        elif one is not None:
            texts.append(f"{before}{key}={json.dumps(one) if isinstance(one, list | bool) else value(one)}")
    return texts


def on_screen(kind: str, encoding: str | None) -> tuple[ListColumn, ...]:
    """The columns of a table on the screen: without the kind of a run, which its summary shows."""
    ours = tuple(one for one in list_columns(kind, encoding) if (kind, one.name) != ("runs", "kind"))
    return (*ours, NAMES) if kind == "paths" else ours


def all_columns(kind: str, encoding: str | None) -> tuple[ListColumn, ...]:
    """Every column that can be chosen: ours first, then the catalogue's others by name."""
    ours = (*list_columns(kind, encoding), *([NAMES] if kind == "paths" else []))
    known = {one.name for one in ours}
    times = [column.name for column in store.COLUMNS[kind] if column.type == "time"]
    return *ours, *all_of([column.name for column in store.COLUMNS[kind] if column.name not in known], times)
