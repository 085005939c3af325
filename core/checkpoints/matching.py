"""A checkpoint's names and shapes against a network's: all of it, or a table of what is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.checkpoints.naming import COUNTERS
from core.checkpoints.network_state import NetworkState, Shape, shape_text
from core.errors import Row

#: Buffers that count or place and nothing else: a network's constructor fills them as well as a file does.
FILLED = ("num_batches_tracked", "position_ids", "inv_freq")
#: And what other libraries leave beside the weights.
BESIDE = (*FILLED, *COUNTERS, "total_ops", "total_params")
LEARNT = ("running_mean", "running_var")  # buffers that a training makes
NONE = "-"


@dataclass(frozen=True)
class Fit:
    """Which name of the file is taken for which of the network's, and what doesn't fit.

    `taken` has every name that a tensor of the network has in the file, the first of tied ones first; `filled` are
    buffers left as the constructor made them, `beside` names of the file that nobody needs.
    """

    taken: Mapping[str, tuple[str, ...]]
    rows: tuple[Row, ...]
    filled: tuple[str, ...]
    beside: tuple[str, ...]


def fit(found: Mapping[str, Shape], wanted: NetworkState, fresh: str | None = None) -> Fit:
    """Match names; those that begin with `fresh` stay the network's own."""
    keep = tuple(() if fresh is None else (fresh,))
    shapes = {name: one for name, one in wanted.shapes.items() if not name.startswith(keep)}
    here = {name: one for name, one in found.items() if not name.startswith(keep)}
    taken: dict[str, tuple[str, ...]] = {}
    for name, shape in here.items():
        if shapes.get(name) == shape:
            first = wanted.tied.get(name, name)
            taken[first] = (*taken.get(first, ()), name)
    taken = {name: taken[name] for name in (*wanted.parameters, *wanted.buffers) if name in taken}
    rows = [(name, shape_text(here[name]), shape_text(shapes[name])) for name in here if name in shapes]
    rows = [row for row in rows if row[1] != row[2]]
    beside = tuple(name for name in here if name not in shapes and name.rpartition(".")[2] in BESIDE)
    rows += [(name, shape_text(one), NONE) for name, one in here.items() if name not in shapes and name not in beside]
    lacking = [name for name in shapes if name not in here and wanted.tied.get(name, name) not in taken]
    filled = tuple(name for name in lacking if name in wanted.buffers and not name.endswith(LEARNT))
    rows += [(name, NONE, shape_text(shapes[name])) for name in lacking if name not in filled]
    return Fit(taken, tuple(rows), filled, beside)


def counts_text(rows: tuple[Row, ...]) -> str:
    """How many names are missing, too many, or of another shape, as a part of a sentence."""
    missing = sum(one[1] == NONE for one in rows)
    many = sum(one[2] == NONE for one in rows)
    counts = ((missing, "missing"), (many, "too many"), (len(rows) - missing - many, "of another shape"))
    return ", ".join(f"{count} {what}" for count, what in counts if count)
