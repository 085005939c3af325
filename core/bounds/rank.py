"""Rank and smallest singular value of the features of every layer (Nguyen 2019 thesis, section 2.4, Table 2.2).

F_k (N, n_k) are the features of layer k on N train samples. The numerical rank counts the singular values above
sqrt(m + n + 1) / 2 * sigma_max * eps for a matrix of shape (m, n), the rule under Table 2.2 there, in float64.
A rank below min(N, n_k) so found is an estimate, never a proof. All singular values are kept, as a grid.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from core.bounds.result import BoundResult
from core.grid import Axis, Grid
from core.problem import Problem
from core.progress import Reporter
from core.results import Measurement
from core.specs.bounds import Rank


def compute(options: Rank, problem: Problem, theta: Tensor, reporter: Reporter) -> BoundResult:
    """Rank, smallest and largest singular value of F_1 .. F_{L-1} of theta (P,).

    Raises PremiseError where the network has no view by layers.
    """
    network = problem.require_layers("The rank of features")
    exact = problem.to("cpu", torch.float64)
    parameters = exact.layout.split(theta.to("cpu", torch.float64)[None])
    features = exact.data.train.x[: options.samples][None]
    measurements: list[Measurement] = []
    spectra: dict[int, list[float]] = {}
    depth = network.depth
    for k in range(1, depth):
        reporter.progress(k / depth, f"layer {k} of {depth - 1}")
        features = network.features(features, parameters, k, start=k - 1)
        found, spectra[k] = measure(features[0].flatten(1))
        reporter.say(f"Layer {k}: {', '.join(f'{name} {value:.4g}' for name, value in found)}.")
        measurements += [Measurement(name=name, value=value, layer=k) for name, value in found]
    ranks = [one.value for one in measurements if one.name == "rank"]
    full = [one.value for one in measurements if one.name == "full_rank"]
    lacking = sum(1 for rank, most in zip(ranks, full, strict=True) if rank != most)
    summary = f"{len(ranks) - lacking} of {len(ranks)} layers have features of full rank on {features.shape[1]} samples"
    lowest = min((r for r in ranks if r is not None), default=None)
    return BoundResult(lowest, len(ranks), summary, measurements, spectrum(spectra) if spectra else None)


def spectrum(spectra: Mapping[int, Sequence[float]]) -> Grid:
    """The singular values of every layer, the largest first; nothing where a layer has fewer than others."""
    most = max(map(len, spectra.values()))
    values = [value for one in spectra.values() for value in (*one, *[None] * (most - len(one)))]
    axes = Axis("layer", tuple(spectra)), Axis("index", tuple(range(1, most + 1)))
    return Grid("singular values of the features", axes, {"singular_value": tuple(values)})


def measure(features: Tensor) -> tuple[list[tuple[str, float]], list[float]]:
    """Rank, the largest it could be, and the extreme singular values of F (N, n); all of these."""
    singular = torch.linalg.svdvals(features)
    threshold = 0.5 * (sum(features.shape) + 1) ** 0.5 * singular[0] * torch.finfo(features.dtype).eps
    numbers = [
        ("rank", float((singular > threshold).sum())),
        ("full_rank", float(min(features.shape))),
        ("sigma_min", float(singular[-1])),
        ("sigma_max", float(singular[0])),
    ]
    return numbers, singular.tolist()
