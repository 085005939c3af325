"""Connecting networks of one hidden ReLU layer: Freeman and Bruna 2017, Theorem 2.4, corrected.

Objects: a loss that is convex in the outputs, kappa >= 0, F = loss + kappa |W_2|_1. Two networks of m hidden units; if
kappa > 0, with weights into every unit, bias included, of norm at most 1. For 0 <= l <= m and 0 <= alpha < pi / 2:

    delta(k, alpha; m)   the lowest F of a model's m units of which k are kept, turned by at most alpha
    e(l)                 the lowest F of any l units, of norm at most 1 if kappa > 0

Conclusion: a path on which

    F <= max(F a, F b, e(l), delta_a(m, 0; m), delta_a(m - l, alpha; m), the same of b) + C alpha,

whose segments are invariant or convex, but for two on which the kept units turn; these are gone with alpha = 0, and
with them C alpha. The paper's proof of Corollary 2.5 merges units that nearly agree without moving any, so alpha = 0
loses nothing in its rate. Everything here is computed from above: each quantity is that of a network which was found,
the path goes through these, and the level is the largest of them (with alpha > 0, what the checker's search proves).

`elimination` finds delta(k, 0; m), `caps` delta(k, alpha; m), `trained` e(l), `heads` the best head of each; `choosing`
takes the best l and alpha; `route` is the path, `closed_form` the constant C alpha.
"""

from core.methods.method import Construction, Helper, Task
from core.methods.oracle.choosing import Choice, choices
from core.methods.oracle.heads import gap
from core.methods.oracle.premises import premises, width
from core.methods.oracle.quantities import Compressed, compressed
from core.methods.oracle.route import six_subpaths
from core.methods.oracle.shallow import Shallow, Target
from core.methods.oracle.trained import Oracles, widened
from core.path import Path
from core.specs.compressing import oracle_sizes
from core.specs.methods import Oracle

__all__ = ["build", "premises"]


def build(options: Oracle, task: Task) -> Construction:
    """Measure all quantities, and lay the path for the best l and alpha."""
    target = Target.of(task.problem, options.kappa)
    m = width(task.problem)
    units = oracle_sizes(options, m)
    a, b = (compress(options, task, target, name, units) for name in ("a", "b"))
    oracles = find_oracles(options, task, target, units, (a, b))
    best = min(choices(options, task, target, a, b, oracles), key=lambda one: one.level)
    path = six_subpaths(task.problem, best.a, best.b, best.oracle)
    report_choice(task, target, best, path)
    passes = 3.0 * options.epochs * options.draws * len(units)
    return Construction(path, task.below, beads=5, passes=passes, helpers=helpers(task, best))


def compress(options: Oracle, task: Task, target: Target, name: str, units: list[int]) -> Compressed:
    """One model's best head and kept units, reported."""
    task.reporter.progress(None, f"eliminating units of model {name}")
    theta, seed = (task.a, 2 * task.seed) if name == "a" else (task.b, 2 * task.seed + 1)
    own = Shallow.of(task.problem, theta)
    sizes = {*units, *(own.width - l for l in units)}
    found = compressed(target, theta, own, sizes, options, seed)
    off = gap(target, target.features(own.W), found.beta)
    known = "" if off is None else f", at most {off:.2g} above the lowest"
    task.reporter.say(
        f"Model {name}: F is {found.own.head.value:.6g}, and {found.beta.value:.6g} with the best head{known}."
    )
    return found


def find_oracles(
    options: Oracle, task: Task, target: Target, units: list[int], models: tuple[Compressed, Compressed]
) -> dict[int, Shallow]:
    """By number of units, each at least as good as those of fewer units."""
    ends = max(one.own.head.value for one in models)
    oracles = Oracles(task.problem, target, options, 2 * task.seed, enough=ends if options.kappa == 0 else None)
    found: dict[int, Shallow] = {}
    best: Shallow | None = None
    for i, l in enumerate(units):
        task.reporter.progress(i / len(units), f"training oracles of {l} units")
        known = [one.few(l) for one in models] + ([] if best is None else [widened(best, l)])
        best = found[l] = oracles.of(l, known)
        task.reporter.metric("e", l, best.head.value, unit="unit", family="loss")
    return found


def report_choice(task: Task, target: Target, best: Choice, path: Path) -> None:
    """The choice in a sentence, and with a penalty F, which is convex between knots where nothing turns."""
    kept = best.a.W.shape[0] - best.units
    turning = f" that turn by at most {best.alpha:g}" if best.alpha else ""
    task.reporter.say(
        f"Takes an oracle of {best.units} units, F {best.oracle.head.value:.6g}, and {kept} kept units{turning}: "
        f"F {best.a.kept.value:.6g} and {best.b.kept.value:.6g}."
    )
    if target.kappa > 0:
        nets = [Shallow.of(task.problem, theta) for theta in path.knots]
        highest = max(target.value(target.features(net.W), net.head) for net in nets)
        along = "at the path's knots" if best.a.turns or best.b.turns else "along the path"
        task.reporter.say(f"F is at most {highest:.6g} {along}.")


def helpers(task: Task, best: Choice) -> tuple[Helper, ...]:
    """The networks behind the quantities, as models of the same network."""
    named = {
        "best head of a": best.a.predictor,
        f"{len(best.a.rows)} units of a": best.a.compressed,
        f"oracle of {best.units} units": widened(best.oracle, best.a.W.shape[0]),
        f"{len(best.b.rows)} units of b": best.b.compressed,
        "best head of b": best.b.predictor,
    }
    return tuple(Helper(name, network.theta(task.problem)) for name, network in named.items())
