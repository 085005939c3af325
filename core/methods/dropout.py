"""Connecting dropout-stable models: Kuditipudi et al. 2019, Theorem 1, as Nguyen et al. 2021, Corollary 4.2, has it.

Statement. Let for both models and for every hidden layer l some of at most floor(n_p / 2) neurons of each layer p >= l
be such that dropping the others and rescaling the output leaves a loss of at most c. Then a path with
loss <= max(loss a, loss b, c) joins them: that of Theorem 4.1, with these dropped networks as subnetworks xi_l, and
that of layer 1, of a or of b, as xi_0 too. Nothing is trained; how large c is depends on the models.
"""

from collections.abc import Iterator
from dataclasses import replace

from core.methods.method import Construction, Premise, Task
from core.methods.sparse import progress_reporter, reported_levels
from core.methods.sparse.construction import End, theorem_path
from core.methods.sparse.premises import layered_premises, sizes_premise
from core.specs.methods import Dropout
from core.specs.subnetworks import dropped_sizes
from core.subnetworks import Subnetwork, Weights, dropped_levels


def premises(options: Dropout, task: Task) -> Iterator[Premise]:
    kept = f"drop={options.drop:g} keeps more than half of the neurons: a bound, not a path"
    yield Premise("at least half of the neurons are dropped", options.drop >= 0.5, kept)
    yield from layered_premises(task)
    claim = "every hidden layer is wide enough to drop neurons"
    yield sizes_premise(claim, lambda widths: dropped_sizes(options.drop, widths), task)


def build(options: Dropout, task: Task) -> Construction:
    """Drop and rescale, and lay the path of Theorem 4.1 through the dropped networks."""
    of_a = reported_levels(
        task, "a", dropped_levels(options, task.problem, task.a, 2 * task.seed, progress_reporter(task, "a"))
    )
    of_b = reported_levels(
        task, "b", dropped_levels(options, task.problem, task.b, 2 * task.seed + 1, progress_reporter(task, "b"))
    )
    lowest = min((of_a[0].best, task.a), (of_b[0].best, task.b), key=lambda found: found[0].loss)
    xi_0 = with_input(lowest[0], Weights.of(task.problem, lowest[1]))
    a, b = (End(one, [level.best for level in found]) for one, found in ((task.a, of_a), (task.b, of_b)))
    return Construction(theorem_path(task.problem, a, b, xi_0), task.below)


def with_input(xi_1: Subnetwork, net: Weights) -> Subnetwork:
    """xi_0: what xi_1 reads of layer 1, computed from the input as the model `net` does."""
    assert xi_1.reads is not None
    W, b = net.W[0][xi_1.reads], None if net.b[0] is None else net.b[0][xi_1.reads]
    weights = Weights((W, *xi_1.weights.W), (b, *xi_1.weights.b))
    return replace(xi_1, level=0, kept=None, reads=None, weights=weights)
