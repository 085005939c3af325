"""From pixels to what networks see: scaling and whitening, fitted on the whole train set."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import torch
from torch import Tensor

from core.data.cache import cached
from core.data.dataset import Say, ignore
from core.errors import UsageError
from core.specs.data import Images

CHUNK = 4096  # samples turned into float64 at a time
FLAT = 1e-10  # a direction of this variance, relative to the largest, does not vary


def require_variation(name: str, train: Tensor) -> None:
    """Raise UsageError where train images (N, C, H, W) are all equal, or each is of one colour only."""
    parts = torch.split(train, CHUNK)
    if len(train) > 1 and all(bool((part == train[:1]).all()) for part in parts):
        raise UsageError(
            f"The {len(train)} train images of {name} are all equal, so there is nothing to learn from them: look at "
            "the files."
        )
    if train[0, 0].numel() > 1 and all(bool((part == part[..., :1, :1]).all()) for part in parts):
        raise UsageError(
            f"Each of the {len(train)} train images of {name} is of one colour all over, so there is nothing to see in "
            "them: look at the files."
        )


def scaling(spec: Images, train: Tensor, cache: Path, say: Say = ignore) -> Callable[[Tensor], Tensor]:
    """The map from pixels (N, C, H, W) to float32 that `scale` and `whiten` ask for."""
    spread, shift = _scale(spec, train)

    def scale(x: Tensor) -> Tensor:
        return torch.div(x, spread).sub_(shift)

    if not spec.whiten:
        return scale
    mean, matrix = _whitening(scale(train), cache, say)
    return lambda x: ((scale(x).flatten(1) - mean) @ matrix).reshape(x.shape)


def _scale(spec: Images, train: Tensor) -> tuple[Tensor | float, Tensor | float]:
    """What divides pixels, and what is subtracted then."""
    match spec.usual if spec.scale == "usual" else spec.scale:
        case "unit":
            return spec.top, 0.0
        case "centred":
            return spec.top / 2, 1.0
        case "standard":
            mean, deviation = channel_moments(train)
            return deviation, mean / deviation
        case _:
            return 1.0, 0.0


def channel_moments(train: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel, (C, 1, 1); a constant channel counts as of deviation 1."""
    mean, variance = _moments_of_bytes(train) if train.dtype == torch.uint8 else _moments_of_floats(train)
    deviation = torch.where(variance > 0, variance.sqrt(), 1.0)
    return mean.float()[:, None, None], deviation.float()[:, None, None]


def _moments_of_bytes(train: Tensor) -> tuple[Tensor, Tensor]:
    """Exact: computed from how often each of the pixel values 0 to 255 occurs."""
    channels = train.transpose(0, 1).flatten(1)
    counts = torch.stack([torch.bincount(one, minlength=256) for one in channels])
    share, values = counts / counts.sum(1, keepdim=True, dtype=torch.float64), torch.arange(256.0).double()
    mean = share @ values
    return mean, (share * (values - mean[:, None]).square()).sum(1)


def _moments_of_floats(train: Tensor) -> tuple[Tensor, Tensor]:
    """In float64, of deviations from the mean."""
    parts, count = torch.split(train, CHUNK), train[:, 0].numel()
    mean = sum((part.sum((0, 2, 3), dtype=torch.float64) for part in parts), torch.zeros(1)) / count
    squares = ((part.double() - mean[:, None, None]).square().sum((0, 2, 3)) for part in parts)
    return mean, sum(squares, torch.zeros(1)) / count


def zca(train: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (D,) and the symmetric matrix (D, D) that makes the covariance of the inputs the identity.

    Directions in which the train set does not vary are mapped to zero. Fitted in float64.
    """
    flat = train.flatten(1)
    mean = torch.zeros(flat.shape[1], dtype=torch.float64)
    for part in torch.split(flat, CHUNK):
        mean += part.double().sum(0) / len(flat)
    covariance = torch.zeros(len(mean), len(mean), dtype=torch.float64)
    for part in torch.split(flat, CHUNK):
        centred = part.double() - mean
        covariance.addmm_(centred.T, centred, alpha=1 / len(flat))
    variances, directions = torch.linalg.eigh(covariance)
    varies = variances > FLAT * variances[-1]
    stretch = torch.where(varies, variances.clamp_min(1e-300).rsqrt(), 0.0)
    return mean.float(), ((directions * stretch) @ directions.T).float()


def _whitening(train: Tensor, cache: Path, say: Say) -> tuple[Tensor, Tensor]:
    """What `zca` finds, kept in a file: on colour images it takes a minute."""

    def make() -> dict[str, Tensor]:
        mean, matrix = zca(train)
        return {"mean": mean, "matrix": matrix}

    key = sha256(repr(tuple(train.shape)).encode())
    key.update(train.contiguous().numpy().data)
    found = cached(cache, "zca", key.hexdigest(), make, say)
    return found["mean"], found["matrix"]
