"""What the corollaries of Nguyen, Bréchet and Mondelli 2021 ask of network, loss and targets. No torch here."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import UsageError


@dataclass(frozen=True)
class ModelFacts:
    """Hidden widths n_l, n_L outputs (None: not known yet), whether the targets are classes, loss and layers."""

    widths: Sequence[int]
    outputs: int | None
    classes: bool
    loss: str
    relu: bool
    biases: bool


def check_separability(facts: ModelFacts) -> None:
    """Raise UsageError naming what Corollary 4.4 asks and doesn't find."""
    if not facts.classes:
        raise UsageError("Separability is about classes, and this data set has none.")
    if facts.loss in ("square", "absolute"):
        raise UsageError(
            f"Separability needs the cross-entropy or hinge loss: it doesn't make the {facts.loss} loss small."
        )
    if not facts.biases:
        raise UsageError("Separability needs biases: its hyperplanes need not go through zero. This network has none.")
    for layer, n in enumerate(facts.widths, start=1):
        if facts.outputs is not None and n < 2 * facts.outputs:
            raise UsageError(
                f"Hidden layer {layer} has {n} neurons, and separability needs {2 * facts.outputs}: "
                f"twice the {facts.outputs} outputs (Corollary 4.4)."
            )


def check_genericity(facts: ModelFacts) -> None:
    """Raise UsageError naming what Corollary 4.3 asks and doesn't find."""
    if len(facts.widths) < 2:
        raise UsageError(f"Genericity needs two hidden layers (Corollary 4.3); this network has {len(facts.widths)}.")
    if not facts.relu:
        raise UsageError("Genericity needs ReLU in every hidden layer (Corollary 4.3); this network has another one.")
    if not facts.biases:
        raise UsageError("Genericity needs biases in every layer (Corollary 4.3); this network has none.")
