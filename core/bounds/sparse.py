"""Experiment A of Nguyen et al. 2021: bounds on Q_l, equation (5), for every layer l = 0..L-1 of one model.

Q_l is the lowest train loss of subnetworks that read the kept neurons of layer l and fit beside the kept neurons of the
layers above. Each draw chooses a kept set and trains one (or rescales the dropped network, if that is lower); the
lowest draw bounds Q_l, and the largest of these over l is the model's side of Theorem 4.1.
"""

from torch import Tensor

from core.bounds.completed_layers import CompletedLayers
from core.bounds.kept_features import layers_text
from core.bounds.levels import draw_measurements, require_layers, result_of
from core.bounds.result import BoundResult
from core.problem import Problem
from core.progress import Reporter
from core.specs.bounds import SparseBound
from core.specs.subnetworks import kept_sizes
from core.subnetworks import Goal, trained_levels


def compute(options: SparseBound, problem: Problem, theta: Tensor, reporter: Reporter) -> BoundResult:
    """Raises PremiseError where the network has no hidden layers or one is too narrow."""
    require_layers(problem, "sparse", lambda widths: kept_sizes(options, widths))
    done = CompletedLayers.of(options, theta, reporter.left)
    if done.layers:
        reporter.say(f"Resumes with {layers_text(sorted(done.layers))} of the checkpoint.")
    for level in trained_levels(options, problem, theta, options.seed, reporter.progress, Goal(without=done.layers)):
        reporter.metric("loss", level.level, level.best.loss, unit="layer", family="loss")
        reporter.say(f"{level.summary.capitalize()}.")
        done.layers[level.level] = draw_measurements(level)
        reporter.keep(done.save)
    return result_of(problem, theta, dict(sorted(done.layers.items())), f"the lowest of {options.draws} subnetworks")
