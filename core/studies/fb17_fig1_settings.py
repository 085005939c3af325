"""Settings of Freeman and Bruna 2017, figure 1: the paper's and those of its public code, and small ones.

The code trains both ends to L0 and beads to 0.95 L0 (convolutional and recurrent networks: 0.98), and accepts a line
below 1.1 L0. Beads start at the midpoint (CIFAR-10: at the maximum), a line is looked at on 100 points (20), gaps are
halved ten times at most.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from core.specs.methods import Metric, String
from core.specs.runs import Connect, ModelRef, Train

ACCEPTED = 1.1  # times L0


@dataclass(frozen=True)
class Sweep:
    """Pairs of one network, trained to every threshold L0 and joined there.

    Those of small networks are trained and joined `together`, all of a threshold in one run each: then they share the
    costs of a run and of its steps. The highest thresholds, whose models and strings take the least, come first.
    With `proven` strings without a proof do not connect. `pilot` is a training without a goal, whose model is compared
    with the words' own statistics.
    """

    title: str
    training: Train
    search: String
    on: Metric
    thresholds: Sequence[float]
    pairs: int
    proven: bool = False
    pilot: Train | None = None
    together: bool = False

    @property
    def at_once(self) -> int:
        """How many pairs a run has."""
        return self.pairs if self.together else 1

    def name_at(self, number: int, pair: int) -> str:
        """What runs of that threshold are called, from that pair on."""
        of_pair = "" if self.together else f", pair {pair}"
        return f"{self.training.name} L0 = {self.thresholds[number]:g}{of_pair}"

    def training_at(self, number: int, pair: int) -> Train:
        """The two models of a pair, or of all, from starts that no other has, down to the threshold of that number.

        One that never gets there is no failure of the run: its pair is not joined, and counted.
        """
        goal, seed = self.thresholds[number], 1000 * number + 2 * pair
        asked: dict[str, object] = {"until": goal, "on": self.on, "required": 0, "name": self.name_at(number, pair)}
        return msgspec.structs.replace(self.training, count=2 * self.at_once, seed=seed, **asked)

    def connection_at(self, number: int, training: int, pair: int) -> Connect:
        """The strings between the models that run `training` leaves, two by two."""
        a, b, *further = (ModelRef(run=training, position=i) for i in range(2 * self.at_once))
        return Connect(
            a=a,
            b=b,
            further=tuple(further),
            pairs=self.together,
            method=msgspec.structs.replace(self.search, on=self.on),
            below=ACCEPTED * self.thresholds[number],
            prove="on" if self.proven else "off",
            name=f"{self.name_at(number, pair)}, string",
        )


def search_by(training: Train, share: float, grid: int, at: Literal["midpoint", "maximum"] = "midpoint") -> String:
    """The paper's search, with beads trained as the ends are, to `share` of L0."""
    taken = ("optimizer", "lr", "batch", "epochs", "weight_decay", "schedule")
    options = {name: getattr(training, name) for name in taken}
    return String(**options, alpha=share / ACCEPTED, depth=10, beads=400, grid=grid, at=at)


def polynomial(letter: str, title: str, coefficients: str, thresholds: Sequence[float]) -> dict[str, Sweep]:
    """Rows (a) and (b), where every string is to be proven."""
    training = Train(
        network="fcn:4-4,activation=sigmoid",
        data=f"polynomial,coefficients={coefficients},samples=10000",
        loss="absolute",
        lr=0.001,
        batch=10_000,
        epochs=50_000,
        name=f"fb17 1({letter})",
    )
    little = msgspec.structs.replace(
        training,
        data=f"polynomial,coefficients={coefficients},samples=200",
        lr=0.01,
        batch=200,
        epochs=8_000,
        name=f"fb17 1({letter}), small,",
    )
    few = tuple(one for one in thresholds if one in SMALL_THRESHOLDS[letter])
    return {
        "paper": _proven(title, training, 100, thresholds, 5),
        "small": _proven(title, little, 21, few, 3),
    }


def _proven(title: str, training: Train, grid: int, thresholds: Sequence[float], pairs: int) -> Sweep:
    search = search_by(training, 0.95, grid)
    return Sweep(title, training, search, "train-loss", thresholds, pairs, proven=True, together=True)


SMALL_THRESHOLDS = {"a": (0.1, 0.05, 0.025, 0.01), "b": (0.16, 0.12, 0.08, 0.05)}
QUADRATIC = polynomial(
    "a", "a quadratic function", ".1/.25/.5", (0.125, 0.1, 0.075, 0.05, 0.025, 0.01, 0.0075, 0.005, 0.0025, 0.001)
)
_CUBIC = (0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.1, 0.12, 0.14, 0.16, 0.18, 0.2, 0.24, 0.32)
_NEAR = (0.15, 0.152, 0.154, 0.156, 0.158, 0.162, 0.164, 0.166, 0.168, 0.17)  # where the paper has a spike
CUBIC = polynomial("b", "a cubic function", "0/3/-10/8", tuple(sorted({*_CUBIC, *_NEAR}, reverse=True)))

_MNIST = Train(
    network="cnn,channels=32-64,kernel=5,hidden=1024", data="mnist", lr=1e-4, batch=100, epochs=50, name="fb17 1(c)"
)
_MNIST_SMALL = msgspec.structs.replace(
    _MNIST,
    network="cnn,channels=4-8,kernel=5,hidden=32",
    data="mnist,limit=2000",
    lr=0.001,
    epochs=30,
    name="fb17 1(c), small,",
)
MNIST = {
    "paper": Sweep(
        "MNIST",
        _MNIST,
        search_by(_MNIST, 0.98, 20),
        "test-error",
        (0.05, 0.03, 0.02, 0.015, 0.01, 0.0075),
        5,
    ),
    "small": Sweep(
        "MNIST", _MNIST_SMALL, search_by(_MNIST_SMALL, 0.98, 11), "test-error", (0.2, 0.12, 0.08), 2, together=True
    ),
}

_CIFAR = Train(
    network="cnn,channels=64-64,kernel=5,pool=3/2,hidden=384-192",
    data="cifar10",
    lr=0.001,
    batch=128,
    epochs=100,
    name="fb17 1(d)",
)
_CIFAR_SMALL = msgspec.structs.replace(
    _CIFAR,
    network="cnn,channels=8-8,kernel=5,pool=3/2,hidden=48-24",
    data="cifar10,limit=2000",
    epochs=40,
    name="fb17 1(d), small,",
)
CIFAR = {
    "paper": Sweep(
        "CIFAR-10",
        _CIFAR,
        search_by(_CIFAR, 0.98, 20, "maximum"),
        "test-error",
        (0.8, 0.6, 0.4, 0.35, 0.3, 0.25),
        5,
    ),
    "small": Sweep(
        "CIFAR-10",
        _CIFAR_SMALL,
        search_by(_CIFAR_SMALL, 0.98, 11, "maximum"),
        "test-error",
        (0.8, 0.7, 0.65),
        2,
        together=True,
    ),
}

_WORDS = Train(network="lstm", data="kjv", optimizer="adam", lr=0.001, batch=20, epochs=20, name="fb17 1(e)")
_WORDS_SMALL = msgspec.structs.replace(
    _WORDS,
    network="lstm,embedding=64,hidden=64,layers=1",
    data="kjv,vocabulary=1000,limit=2000",
    lr=0.003,
    epochs=15,
    name="fb17 1(e), small,",
)


def _pilot(training: Train, epochs: int) -> Train:
    return msgspec.structs.replace(training, epochs=epochs, seed=999, name=f"{training.name} pilot")


WORDS = {
    "paper": Sweep(
        "the King James Bible",
        _WORDS,
        search_by(_WORDS, 0.98, 20),
        "test-perplexity",
        (135.0, 120.0, 110.0),
        5,
        pilot=_pilot(_WORDS, 10),
    ),
    "small": Sweep(
        "the King James Bible",
        _WORDS_SMALL,
        search_by(_WORDS_SMALL, 0.98, 11),
        "test-perplexity",
        (74.4, 65.8, 60.1),  # about 1.3, 1.15 and 1.05 times the pilot's
        2,
        pilot=_pilot(_WORDS_SMALL, 10),
    ),
}
