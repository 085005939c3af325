"""Settings of Nguyen, Brechet and Mondelli 2021: their own, found in the paper and its public code, and small ones.

Theirs: SGD with Nesterov momentum 0.95 (VGG: 0.9), batch 100, 200 epochs for the models and 400 for the subnetworks,
kept sets and starts at random, T_A = 20, T_B = 200. Their code halves learning rates every 30 epochs; here the models'
stay and the subnetworks' go to zero along a cosine. It has 0.001 for the subnetworks of the fully connected CIFAR-10
networks at l < 2 and 0.003 above; a bound has one rate here, and takes 0.001.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from core.specs.bounds import SparseBound
from core.specs.runs import Train

Settings = dict[str, Sequence["Setting"]]  # by scale


@dataclass(frozen=True)
class Setting:
    """Models of one network on one data set, how their subnetworks are found, and the draws of dropped networks."""

    title: str
    training: Train
    sparse: SparseBound
    dropped: int

    def sparse_of(self, model: int) -> SparseBound:
        """Every model has draws of its own."""
        return msgspec.structs.replace(self.sparse, seed=model)


def paper(  # noqa: PLR0913 - what differs between the paper's networks
    title: str,
    network: str,
    data: str,
    *,
    models: int,
    lr: float,
    sparse_lr: float,
    momentum: float = 0.95,
    epochs: int = 200,
) -> Setting:
    training = Train(
        network=network,
        data=data,
        count=models,
        name=f"nbm21 {title}",
        epochs=epochs,
        optimizer="sgd",
        lr=lr,
        momentum=momentum,
        nesterov=True,
        batch=100,
    )
    sparse = SparseBound(
        draws=20, epochs=400, optimizer="sgd", lr=sparse_lr, momentum=momentum, nesterov=True, batch=100
    )
    return Setting(title, training, sparse, 200)


@dataclass(frozen=True)
class Reduced:
    """A scale below the paper's: Adam with a cosine, and fewer draws and epochs."""

    name: str
    lr: float
    batch: int
    epochs: int
    sparse_epochs: int
    draws: int
    dropped: int

    def __call__(
        self,
        title: str,
        network: str,
        data: str,
        *,
        models: int = 3,
        epochs: int | None = None,
        sparse_epochs: int | None = None,
    ) -> Setting:
        """The setting of a network; `epochs` of models and subnetworks are the scale's where none are given."""
        training = Train(
            network=network,
            data=data,
            count=models,
            name=f"nbm21 {title}, {self.name}",
            epochs=self.epochs if epochs is None else epochs,
            lr=self.lr,
            schedule="cosine",
            batch=self.batch,
        )
        there = self.sparse_epochs if sparse_epochs is None else sparse_epochs
        sparse = SparseBound(draws=self.draws, epochs=there, lr=0.003, batch=self.batch)
        return Setting(title, training, sparse, self.dropped)


# Few samples: minutes on a laptop.
small = Reduced("small", lr=0.002, batch=50, epochs=40, sparse_epochs=20, draws=4, dropped=20)
# The paper's networks, or nearly: an evening on a desktop's CPU.
medium = Reduced("medium", lr=0.001, batch=128, epochs=15, sparse_epochs=6, draws=5, dropped=50)


def settings_text(settings: Iterable[Setting]) -> str:
    """What is trained, in words; settings of one title in one."""
    by_title: dict[str, list[Setting]] = {}
    for setting in settings:
        by_title.setdefault(setting.title, []).append(setting)
    return "; ".join(_setting_text(some) for some in by_title.values())


def _setting_text(some: Sequence[Setting]) -> str:
    first, training, sparse = some[0], some[0].training, some[0].sparse
    networks = training.network if len(some) == 1 else f"{training.network} to {some[-1].training.network}"
    return (
        f"{training.count} {networks} on {training.data} ({training.optimizer}, {training.epochs} epochs), "
        f"{sparse.draws} subnetworks a layer ({sparse.optimizer}, {sparse.epochs} epochs), {first.dropped} dropped ones"
    )


def contrasts(settings: Settings) -> dict[str, str]:
    """How the settings of each smaller scale differ from the paper's."""
    paper = settings_text(settings["paper"])
    return {scale: f"{settings_text(settings[scale])}. The paper: {paper}" for scale in ("small", "medium")}


_MNIST_WIDTHS = (*range(50, 501, 50), *range(600, 1501, 100), *range(1800, 3001, 300))

MNIST: Settings = {
    "paper": [paper("MNIST, 10 hidden layers", "fcn:245x10", "mnist", models=10, lr=0.001, sparse_lr=0.003)],
    "medium": [medium("MNIST, 10 hidden layers", "fcn:245x10", "mnist")],
    "small": [small("MNIST, 10 hidden layers", "fcn:64x10", "mnist,limit=2000")],
}
CIFAR: Settings = {
    "paper": [
        paper("CIFAR-10, 5 hidden layers", "fcn:500x5", "cifar10,whiten=true", models=10, lr=0.0005, sparse_lr=0.001)
    ],
    "medium": [
        medium("CIFAR-10, 5 hidden layers", "fcn:500x5", "cifar10,limit=10000,whiten=true", epochs=30, sparse_epochs=15)
    ],
    "small": [small("CIFAR-10, 5 hidden layers", "fcn:128x5", "cifar10,limit=1000", sparse_epochs=40)],
}
VGG: Settings = {
    "paper": [
        paper("CIFAR-10, VGG-11", "vgg11", "cifar10,whiten=true", models=5, lr=0.005, sparse_lr=0.003, momentum=0.9)
    ],
    "medium": [
        medium(
            "CIFAR-10, VGG-11",
            "vgg11,width=0.25",
            "cifar10,limit=5000,whiten=true",
            models=2,
            epochs=40,
            sparse_epochs=15,
        )
    ],
    "small": [small("CIFAR-10, convolutions", "cnn,channels=8-16,hidden=128", "cifar10,limit=500", sparse_epochs=40)],
}
WIDTHS: Settings = {
    "paper": [
        setting
        for width in _MNIST_WIDTHS
        for setting in (
            paper("MNIST", f"fcn:{width}x2", "mnist", models=3, lr=0.005, sparse_lr=0.005, epochs=400),
            paper("CIFAR-10", f"fcn:{width}x2", "cifar10,whiten=true", models=3, lr=0.0005, sparse_lr=0.001),
        )
    ],
    "medium": [
        medium(title, f"fcn:{width}x2", data, epochs=40, sparse_epochs=20)
        for title, data in (("MNIST", "mnist,limit=10000"), ("CIFAR-10", "cifar10,limit=5000,whiten=true"))
        for width in (50, 100, 200, 500, 1000)
    ],
    "small": [
        small(title, f"fcn:{width}x2", data)
        for title, data in (("MNIST", "mnist,limit=1000"), ("CIFAR-10", "cifar10,limit=500"))
        for width in (8, 32, 128)
    ],
}


def together(*several: Settings) -> Settings:
    """Settings side by side, at every scale."""
    return {scale: [setting for one in several for setting in one[scale]] for scale in several[0]}
