"""Quantities of one model: one file each, and `BOUNDS`, the only list of them."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from core.bounds import (
    assumptions,
    compressibility,
    dropout,
    genericity,
    linear_floor,
    linearisation,
    rank,
    relu_floor,
    separability,
    sparse,
    unbounded,
)
from core.bounds.result import BoundResult
from core.problem import Problem
from core.progress import Reporter

BOUNDS: dict[str, Callable[[Any, Problem, Tensor, Reporter], BoundResult]] = {
    "rank": rank.compute,
    "sparse": sparse.compute,
    "dropout": dropout.compute,
    "separability": separability.compute,
    "genericity": genericity.compute,
    "unbounded": unbounded.compute,
    "linearisation": linearisation.compute,
    "compressibility": compressibility.compute,
    "relu-floor": relu_floor.compute,
    "assumptions": assumptions.compute,
    "linear-floor": linear_floor.compute,
}
