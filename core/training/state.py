"""The state of a training, and the file from which it resumes, bit for bit."""

import json
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from core.errors import UsageError
from core.files import write_whole
from core.networks.statistics import Statistics
from core.specs.methods import Metric

FORMAT = "thalweg-training-1"
MOMENTS, STATISTICS = "optimizer.", "statistics."
RESULTS = ("loss", "metric", "epochs", "reached", "diverged")


@dataclass(frozen=True)
class Until:
    """A model stops at the end of the first epoch at which its metric is at most `value`."""

    metric: Metric
    value: float


@dataclass(frozen=True)
class TrainingResult:
    """K models after training.

    `values` are their train losses (K,), float64, over the whole train set; `epochs` (K,) how many they took;
    `diverged` (K,) the epoch in which the loss stopped being finite, -1 where it never did; `metric` (K,) is what
    `Until` watched, nan without one; `statistics` are their batch-norms', (K, ...) by name.
    """

    thetas: Tensor
    values: Tensor
    epochs: Tensor
    reached: Tensor
    diverged: Tensor
    metric: Tensor
    statistics: Statistics = field(default_factory=dict)


@dataclass
class TrainingState:
    """All that is needed to resume after `epoch` epochs with the same numbers, bit for bit on the CPU.

    `thetas` (K, P) are the parameters of all models and `active` (A,) the numbers of those in training. `loss`
    (K,), float64, is for progress: the train loss over the whole set where `Until` watches it, otherwise the
    mean over the minibatches of a model's last epoch (nan before the first). `metric` (K,) is what `Until`
    watches, nan without one. `moments` are the optimizer's tensors, one row (A, P) for each active model, and
    `statistics` (K, ...) those of the batch-norms of all models.
    """

    epoch: int
    active: Tensor
    thetas: Tensor
    loss: Tensor
    metric: Tensor
    epochs: Tensor
    reached: Tensor
    diverged: Tensor
    moments: dict[str, Tensor]
    statistics: dict[str, Tensor] = field(default_factory=dict)

    @classmethod
    def fresh(cls, thetas: Tensor, statistics: Statistics | None = None) -> "TrainingState":
        """Before the first epoch; all models begin with the same `statistics`."""
        count, device = len(thetas), thetas.device
        unknown = torch.full((count,), torch.nan, dtype=torch.float64, device=device)
        whole = torch.zeros(count, dtype=torch.long, device=device)
        return cls(
            epoch=0,
            active=torch.arange(count, device=device),
            thetas=thetas.detach().clone(),
            loss=unknown,
            metric=unknown.clone(),
            epochs=whole,
            reached=whole.bool(),
            diverged=whole - 1,
            moments={},
            statistics={name: torch.stack([one] * count) for name, one in (statistics or {}).items()},
        )

    def statistics_of(self, models: Tensor) -> dict[str, Tensor]:
        """A copy of the statistics (A, ...) of some models (A,)."""
        return {name: one[models] for name, one in self.statistics.items()}

    def to(self, device: torch.device) -> "TrainingState":
        """A copy on a device, whose tensors share nothing with this one."""
        moved = {name: one.to(device, copy=True) for name, one in self.tensors().items()}
        return TrainingState(epoch=self.epoch, **_state_fields(moved))

    def tensors(self) -> dict[str, Tensor]:
        named = {name: getattr(self, name) for name in ("active", "thetas", *RESULTS)}
        named |= {STATISTICS + name: one for name, one in self.statistics.items()}
        return named | {MOMENTS + name: one for name, one in self.moments.items()}

    def save(self, file: File) -> None:
        """Write one safetensors file atomically: a reader finds the old one or the new one, whole."""
        tensors = {name: one.detach().cpu().contiguous() for name, one in self.tensors().items()}
        header = {"format": FORMAT, "training": json.dumps({"epoch": self.epoch})}
        write_whole(file, lambda draft: save_file(tensors, draft, metadata=header))

    @classmethod
    def load(cls, file: File) -> "TrainingState":
        """Read what `save` wrote, onto the CPU. Raises UsageError where the file holds no training."""
        try:
            with safe_open(str(file), "pt") as opened:
                if (header := opened.metadata() or {}).get("format") != FORMAT:
                    raise UsageError(f"{file} holds no training: its format is {header.get('format')!r}.")
                tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
            return cls(epoch=int(json.loads(header["training"])["epoch"]), **_state_fields(tensors))
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{file} can't be read as a training: {error}.") from None


def _state_fields(tensors: dict[str, Tensor]) -> dict[str, Any]:
    """Named tensors as the fields of a state: those of the optimizer under `moments`, of batch-norms `statistics`."""
    groups = {"moments": MOMENTS, "statistics": STATISTICS}
    found: dict[str, Any] = {
        field: {name.removeprefix(start): one for name, one in tensors.items() if name.startswith(start)}
        for field, start in groups.items()
    }
    return found | {name: one for name, one in tensors.items() if not name.startswith(tuple(groups.values()))}
