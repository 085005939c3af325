"""How large parameters get while the loss stays: level sets are unbounded (Nguyen 2019).

`core.methods.wide.rays` has the theorems and their rays. Looked at are the model, and the ray at s = 1, 2, 4, ... until
the norm of all parameters is `times` what it was (of a model of zeros: until it is `times`). Outputs that move by more
than 5e-10 relative fail the run: there float64 can't follow.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from core.bounds.result import BoundResult
from core.certify import decide
from core.errors import RunError
from core.grid import Axis, Grid
from core.methods.method import Task, require
from core.methods.wide.assumptions import common, first_that_applies, of_theorem
from core.methods.wide.net import Net
from core.methods.wide.rays import Ray, assumptions, ray_by
from core.methods.wide.rounding import TOLERANCE, worst_condition
from core.problem import Problem
from core.progress import Reporter
from core.results import OPEN, YES, Measurement
from core.specs.bounds import Unbounded


def compute(options: Unbounded, problem: Problem, theta: Tensor, reporter: Reporter) -> BoundResult:
    """Raises PremiseError where no ray is known, RunError where float64 can't follow one."""
    exact, theta = problem.to("cpu", torch.float64), theta.to("cpu", torch.float64)
    require(common(Task(theta, theta, exact)))
    net = Net.of(exact, theta)
    rays = assumptions(net)
    require(of_theorem(options.theorem, rays, exact))
    theorem = first_that_applies(options.theorem, rays, exact)
    reporter.say(f"The ray of {'Theorem ' * theorem[0].isdigit()}{theorem}.")
    ray = ray_by(theorem, net, torch.Generator().manual_seed(options.seed))
    norm = float(theta.norm())
    nets = [net, *points(ray, options.times * (norm or 1.0), reporter)]
    off = output_shift(nets)
    last = float(nets[-1].theta.norm())
    measurements = [one for i, at in enumerate(nets) for one in point_measurements(exact, i, at.theta)]
    words = (
        f"by {'Theorem ' * theorem[0].isdigit()}{theorem} the norm goes from {norm:.4g} to {last:.4g} "
        f"and no output moves by more than {off:.1e} relative"
    )
    if ray.claim is not None:
        held = is_proven(exact, theta, ray, nets[2:])
        measurements.insert(0, Measurement(name="proven", value=held, role="verdict"))
        words += "; the checker grants the whole way" if held == YES else "; the checker does not grant the whole way"
    return BoundResult(last / (norm or 1.0), None, words, measurements, along(measurements))


def points(ray: Ray, enough: float, reporter: Reporter) -> list[Net]:
    """at(1), at(2), at(4), ... up to a norm that is enough."""
    nets = [ray.at(1.0)]
    while (norm := float(nets[-1].theta.norm())) < enough:
        reporter.progress(None, f"norm {norm:.3g} of {enough:.3g}")
        reporter.say(f"The norm is {norm:.4g}, of {enough:.4g} to come to.")
        nets.append(ray.at(2.0 ** len(nets)))
    return nets


def output_shift(nets: Sequence[Net]) -> float:
    """How far outputs are from the first network's, relative. Raises RunError where that is too far."""
    first = nets[0].features(nets[0].depth)
    worst_off = 0.0
    for net in nets[1:]:
        off = float((net.features(net.depth) - first).abs().max() / (1 + first.abs().max()))
        if not off <= TOLERANCE:
            worst, where = worst_condition(net)
            raise RunError(
                "ill-conditioned",
                f"At a norm of {float(net.theta.norm()):.3g} the outputs are off by {off:.1e} relative, over "
                f"{TOLERANCE:.0e}: {where} has the condition number {worst:.1e}, too much for float64.",
            )
        worst_off = max(worst_off, off)
    return worst_off


def point_measurements(exact: Problem, i: int, theta: Tensor) -> list[Measurement]:
    """Norm and train loss at the i-th point, which the model is the first of."""
    loss = float(exact.losses(theta[None])[0])
    return [
        Measurement(name="norm", value=float(theta.norm()), draw=i, draws="point"),
        Measurement(name="train_loss", value=loss, draw=i, family="loss", draws="point"),
    ]


def along(measurements: Sequence[Measurement]) -> Grid:
    """Norm and train loss from the model, point 0, along the ray, as a grid."""
    values = {
        name: tuple(one.value for one in measurements if one.name == name and one.draw is not None)
        for name in ("norm", "train_loss")
    }
    return Grid("along the ray", (Axis("point", tuple(range(len(values["norm"])))),), values)


def is_proven(exact: Problem, theta: Tensor, ray: Ray, nets: Sequence[Net]) -> float:
    """Whether the checker grants all of the way from the model to the last of at(2), at(4), ..., between them too."""
    route = ray.through(nets)
    path = route.path(theta, route.here.theta)
    return YES if all(decide(exact, segment).proven for segment in path) else OPEN
