"""Experiment B of Nguyen et al. 2021: dropout stability (Kuditipudi et al. 2019) of one model.

For every hidden layer l some neurons of each layer p >= l are dropped at random, and the output is rescaled by the
factor that is best on the train set. The lowest draw counts; the largest of these over l bounds the path of
Corollary 4.2 on this model's side, where at least half are dropped.
"""

from torch import Tensor

from core.bounds.levels import draw_measurements, require_layers, result_of
from core.bounds.result import BoundResult
from core.problem import Problem
from core.progress import Reporter
from core.specs.bounds import DropoutBound
from core.specs.subnetworks import dropped_sizes
from core.subnetworks import dropped_levels


def compute(options: DropoutBound, problem: Problem, theta: Tensor, reporter: Reporter) -> BoundResult:
    """Raises PremiseError where the network has no hidden layers or one would lose all its neurons."""
    require_layers(problem, "dropout", lambda widths: dropped_sizes(options.drop, widths))
    layers = {}
    for level in dropped_levels(options, problem, theta, options.seed, reporter.progress):
        reporter.metric("loss", level.level, level.best.loss, unit="layer", family="loss")
        reporter.say(f"{level.summary.capitalize()}.")
        layers[level.level] = draw_measurements(level)
    return result_of(problem, theta, layers, f"the lowest of {options.draws} dropped networks")
