"""One model's side of Theorem 2.4 of Freeman and Bruna 2017: how well few of its units do, and how well few units can.

With F = loss + kappa |W_2|_1 and m hidden ReLU units (`core.methods.oracle` has the theorem):

    best_head    delta(m, 0; m): F with the best output weights; `gap` is how far above the lowest it may be
    delta        delta(m - l, 0; m), by l: F with l of the units gone; `delta_0.1` where the others may turn by 0.1
    e            e(l): F of l units of any kind
    merging      what it costs in F, at the best head, to give the output weights of one of the two units at the
                 smallest angle to the other, nothing else fitted again: the step of the proof of Corollary 2.5

All are those of networks that were found, so upper bounds. The value is the least over l of the largest of F, delta(m -
l, 0; m) and e(l): the path of two models is nowhere above the larger of theirs, if it is of the same l.
"""

from collections.abc import Iterator

import torch

from core.bounds.result import BoundResult
from core.errors import PremiseError, UsageError
from core.methods.method import require
from core.methods.oracle.heads import gap
from core.methods.oracle.premises import norms, one_hidden_relu, width
from core.methods.oracle.quantities import Compressed, compressed
from core.methods.oracle.shallow import Head, Shallow, Target
from core.methods.oracle.trained import Oracles
from core.problem import Problem
from core.progress import Reporter
from core.results import Measurement
from core.specs.bounds import Compressibility
from core.specs.compressing import angles, oracle_sizes
from core.subnetworks.draws import mixed

Named = dict[str, float | None]


def compute(options: Compressibility, problem: Problem, theta: torch.Tensor, reporter: Reporter) -> BoundResult:
    """Raises PremiseError for networks and models that the theorem isn't about."""
    problem.require_layers("The compressibility of a layer")
    require(one_hidden_relu(problem))
    if options.kappa > 0:
        require(iter([norms(problem, theta, "the model")]))
    m = width(problem)
    try:
        units = oracle_sizes(options, m)
    except UsageError as error:
        raise PremiseError(str(error)) from None
    target = Target.of(problem, options.kappa)
    reporter.progress(0.0, "eliminating units")
    own = Shallow.of(problem, theta)
    model = compressed(target, theta, own, {*units, *(m - l for l in units)}, options, mixed(options.seed, 0))
    by_units = {}
    for i, l in enumerate(units):
        reporter.progress(i / len(units), f"turning and training {l} units")
        by_units[l] = quantities(options, problem, target, model, l)
        reporter.say(f"l = {l}: {', '.join(f'{name} {value:.6g}' for name, value in by_units[l].items())}.")
    return result(target, model, by_units)


def quantities(
    options: Compressibility, problem: Problem, target: Target, model: Compressed, l: int
) -> dict[str, float]:
    """delta(m - l, alpha; m) for every alpha, and e(l)."""
    k, found = model.own.width - l, {}
    for alpha in angles(options):
        if alpha == 0:
            found["delta"] = model.kept[k].value
        else:
            found[f"delta_{alpha:g}"] = model.turned(target, k, alpha).kept.value
    found["e"] = Oracles(problem, target, options, options.seed).of(l, [model.few(l)]).head.value
    return found


def of_the_model(target: Target, model: Compressed) -> Named:
    """What is asked of the model whatever l is; None of what isn't known."""
    return {
        "model": model.own.head.value,
        "best_head": model.beta.value,
        "gap": gap(target, target.features(model.own.W), model.beta),
        "merging": merging(target, model),
    }


def merging(target: Target, model: Compressed) -> float | None:
    """The cost in F at the best head of merging the two units at the smallest angle; None with fewer than two."""
    lengths = model.own.W.norm(dim=1)
    units = (lengths > 0).nonzero()[:, 0]
    if len(units) < 2:
        return None
    u = model.own.W[units] / lengths[units, None]
    cosines = (u @ u.T).fill_diagonal_(-torch.inf)
    i, j = (int(units[one]) for one in divmod(int(cosines.argmax()), len(units)))
    V = model.beta.V.clone()
    V[:, i] += V[:, j] * lengths[j] / lengths[i]
    V[:, j] = 0
    return target.value(target.features(model.own.W), Head(V, model.beta.c)) - model.beta.value


def result(target: Target, model: Compressed, by_units: dict[int, dict[str, float]]) -> BoundResult:
    """The least level over l, with all that was measured."""
    own, m = model.own.head.value, model.own.width
    levels = {l: max(own, model.kept[m - l].value, found["e"]) for l, found in by_units.items()}
    best = min(levels, key=levels.__getitem__)
    summary = (
        f"with {best} units for an oracle this model's side of the path is at {levels[best]:.5g}, "
        f"{levels[best] - own:.3g} above the model"
    )
    return BoundResult(levels[best], 1, summary, list(measurements(of_the_model(target, model), by_units)))


def measurements(of_model: Named, by_units: dict[int, dict[str, float]]) -> Iterator[Measurement]:
    families = {"model": "loss", "best_head": "loss"}
    for name, value in of_model.items():
        if value is not None:
            yield Measurement(name=name, value=value, layer=1, family=families.get(name, ""))
    for l, found in by_units.items():
        for name, value in found.items():
            yield Measurement(name=name, value=value, layer=1, draw=l, family="loss", draws="oracle units")
