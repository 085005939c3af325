"""Results in words that a newcomer knows: names and values of a path and of a bound."""

from collections.abc import Iterator

from core.results import NO, OPEN, YES
from core.specs.data import read_data
from core.specs.methods import perplexity
from core.specs.runs import penalised_text
from tui.shared.columns import Row
from tui.shared.formatting import number, value

CERTIFICATES = {
    "exact": "exact: proven on the whole path",
    "identity": "identity: proven up to the rounding measured",
    "enclosed": "enclosed: proven nowhere above the level, and it reaches what was seen",
    "sampled": "sampled: seen at many points, not proven",
}
WORDS = {
    "verdict": {YES: "yes, proven", OPEN: "open", NO: "no, proven"},
    "assumption": {YES: "holds", OPEN: "open", NO: "fails"},
}


#: How the statistics of batch-norms along a path were had.
NORMS = {
    "data": "statistics recomputed at each point (data)",
    "lerp": "statistics interpolated between the models' (lerp)",
    "fold": "folded into the layers before (fold)",
}

#: The columns that `path_facts` tells of.
PATH_FACTS = frozenset(
    (
        *("train_loss_a", "train_loss_b", "max_train_loss", "barrier", "level", "drift", "certified", "certificate"),
        *("error_level", "test_level", "test_error_level", "penalised_level", "ridge", "l1"),
        *("beads", "normalized_length", "threshold", "on", "connected"),
        *("stored_train_loss_a", "stored_train_loss_b", "bn"),
    )
)


def path_title(row: Row) -> str:
    name = f" {value(row['name'])}" if row["name"] else ""
    return f"Path {row['id']}{name}: from model {row['model_a']} to model {row['model_b']} by {value(row['method'])}."


def path_facts(row: Row) -> list[tuple[str, str]]:
    """Names and values of what matters most about a path."""
    certificate = str(row["certificate"] or "")
    facts = [
        ("train loss at the ends", f"{number(row['train_loss_a'])} and {number(row['train_loss_b'])}"),
        *_norm_facts(row),
        ("highest train loss seen", number(row["max_train_loss"])),
        ("barrier above the higher end", number(row["barrier"])),
        ("level (nowhere higher)" if row["certified"] else "level (highest seen)", number(row["level"])),
        *([] if row["drift"] is None else [("of which rounding (drift)", number(row["drift"]))]),
        ("certificate", CERTIFICATES.get(certificate, value(row["certificate"]))),
        *_other_levels(row),
        ("beads", value(row["beads"])),
        ("length / distance of the ends", number(row["normalized_length"])),
    ]
    if row["threshold"] is not None:
        on = value(row["on"]).replace("_", " ")
        facts.append(("threshold", f"{number(row['threshold'])} on the {on}: {_verdict(row)}"))
    return facts


def _norm_facts(row: Row) -> list[tuple[str, str]]:
    """How the points of a path get the statistics of batch-norms, where the network has any."""
    if row.get("bn") is None:
        return []
    stored = f"{number(row['stored_train_loss_a'])} and {number(row['stored_train_loss_b'])}"
    return [("with statistics as stored", stored), ("batch-norm", NORMS.get(row["bn"], value(row["bn"])))]


def _verdict(row: Row) -> str:
    """What became of a threshold; a loss that was seen below it all along may not be proven to be."""
    if row["connected"]:
        return "connected"
    seen = row["max_train_loss"]
    unproven = row["on"] == "train_loss" and seen is not None and seen <= row["threshold"]
    return "seen below, but not proven" if unproven else "not connected"


def certificate_facts(row: Row) -> list[tuple[str, str]]:
    """Names and values of a certificate."""
    return [
        ("certificate", CERTIFICATES.get(str(row["kind"]), value(row["kind"]))),
        ("level", number(row["level"])),
        *([] if row["drift"] is None else [("of which rounding (drift)", number(row["drift"]))]),
        ("highest train loss seen", number(row["seen"])),
        *([] if row["slack"] is None else [("level above what was seen (slack)", number(row["slack"]))]),
        ("largest departure from a claim", number(row["residual"])),
        *_other_levels(row),
        ("pieces", value(row["pieces"])),
        *([] if row["passes"] is None else [("passes over the train set", value(row["passes"]))]),
    ]


def _other_levels(row: Row) -> list[tuple[str, str]]:
    """What is proven beside the level, as far as it is."""
    names = {
        "error_level": "train error",
        "test_level": "test loss",
        "test_error_level": "test error",
        "penalised_level": penalised_text(row["ridge"] or 0.0, row["l1"] or 0.0),
    }
    return [(f"{text} (nowhere higher)", number(row[name])) for name, text in names.items() if row[name] is not None]


def certificate_text(row: Row) -> str:
    """A certificate in a few words."""
    return f"{value(row['kind'])}, level {number(row['level'])}"


def whole_facts(measured: list[Row]) -> list[tuple[str, str]]:
    """Names and values of what was measured of no layer or draw, but of the whole."""
    return [(str(one["name"]), measurement_text(one)) for one in measured if of_the_whole(one)]


def of_the_whole(one: Row) -> bool:
    return one["layer"] is None and one["draw"] is None


def measurement_text(one: Row) -> str:
    """A number, or the answer that it encodes."""
    return WORDS.get(one["role"], {}).get(one["value"]) or number(one["value"])


def perplexities(row: Row) -> Iterator[tuple[str, str]]:
    """The exponentials of a language model's losses, by what they are called; none of other models and losses."""
    if row["loss"] == "cross-entropy" and row["data"] is not None and read_data(str(row["data"])).words:
        for part in ("train", "test"):
            if (loss := row[f"{part}_loss"]) is not None:
                yield f"{part} perplexity", number(perplexity(loss))
