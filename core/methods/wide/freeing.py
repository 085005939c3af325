"""Moves of hidden neurons that the training data does not notice: Nguyen 2019, Lemmas 4.3, 4.4, 5.2 and 5.3.

One hidden layer k with F = F_k (N, n), n neurons, and the weight W = W_{k+1} that reads them.

*Lemma 4.3.* If the columns `kept` span all columns of F, then W moves on a line with F W constant to a W' that is zero
in all rows but `kept`. (data-invariant; the other neurons are dead then, and their incoming weights free: invariant.)
*Lemmas 4.4 and 5.2.* Let n >= N and the rows of F_{k-1} be distinct. Then F gets rank N: r = rank(F) columns are kept,
the others freed and given other weights and biases, for which F has rank N. The paper shows that such biases exist, one
neuron after the other; here all are drawn at random, bends between samples, and the best F of several counts.
*Lemma 5.3.* Let n >= 2 N and F, F' have rank N for two networks with equal F_{k-1}. Then layer k of the first becomes
that of the second: half of the neurons are freed; N or more columns that span F' are written there; these are made to
carry the outputs, the other half is freed, and so on until each is in its place.
"""

import torch
from torch import Tensor

from core.errors import RunError
from core.methods.wide.net import Net
from core.methods.wide.ranks import condition, independent, rank, solve_refined
from core.methods.wide.route import Route
from core.path import Claim

DRAWS = 8
WORST = 1e10  # a condition of F_k above this leaves no digits to go on with


def free(route: Route, k: int, kept: Tensor) -> None:
    """Lemma 4.3: nothing reads the neurons of layer k that aren't `kept` any more."""
    F, W = route.here.features(k), route.here.W[k]
    new = torch.zeros_like(W)
    new[kept] = solve_refined(F[:, kept], F @ W)
    if not torch.equal(new, W):
        route.go(route.here.changed(k + 1, new), Claim.DATA_INVARIANT)


def write(route: Route, k: int, units: Tensor, W: Tensor, b: Tensor) -> None:
    """Give dead neurons `units` of layer k the incoming weights W (n_{k-1}, units) and biases b (units,)."""
    new, bias = route.here.W[k - 1].clone(), route.here.b[k - 1].clone()
    new[:, units], bias[units] = W, b
    route.go(route.here.changed(k, new, bias), Claim.INVARIANT)


def make_full_rank(route: Route, k: int, generator: torch.Generator) -> None:
    """Lemma 5.2: F_k gets rank N, by other weights and biases of neurons that it doesn't need.

    Raises RunError where no draw gives a rank that float64 can tell.
    """
    F = route.here.features(k)
    order, r = independent(F)
    if r == len(F):
        route.say(f"the features of layer {k} have rank {r} already.")
        return
    dead = order[r:]
    free(route, k, order[:r])
    below = route.here.features(k - 1)
    found = [drawn(route.here, k, below, dead, generator) for _ in range(DRAWS)]
    best = min(found, key=lambda net: condition(net.features(k)))
    if (worst := condition(best.features(k))) > WORST or rank(best.features(k)) < len(F):
        raise RunError(
            "ill-conditioned",
            f"The features of layer {k} can't be given rank {len(F)} in float64: the best of {DRAWS} draws has the "
            f"condition number {worst:.1e}, over {WORST:.0e}; training samples may be too close to each other.",
        )
    route.say(f"the features of layer {k} get rank {len(F)} instead of {r}, by {len(dead)} neurons with new weights.")
    route.go(best, Claim.INVARIANT)


def drawn(net: Net, k: int, below: Tensor, units: Tensor, generator: torch.Generator) -> Net:
    """Random incoming weights whose pre-activations are about 1; each neuron bends between two samples."""
    spread = float((below - below.mean(0)).square().sum(1).mean()) ** 0.5
    W = torch.randn(below.shape[1], len(units), generator=generator, dtype=torch.float64).to(below) / spread
    V = below @ W
    samples = torch.randint(len(below), (2, len(units)), generator=generator).to(below.device)
    bends = (V.gather(0, samples[:1]) + V.gather(0, samples[1:]))[0] / 2
    new, bias = net.W[k - 1].clone(), net.b[k - 1].clone()
    new[:, units], bias[units] = W, -bends
    return net.changed(k, new, bias)


def copy_layer(route: Route, k: int, target: Net) -> None:
    """Lemma 5.3: layer k becomes that of `target`; F_k has rank N for both, F_{k-1} is the same."""
    here, (W, b) = route.here, target.layer(k)
    if torch.equal(here.W[k - 1], W) and torch.equal(here.b[k - 1], b):
        return
    route.say(f"layer {k} becomes that of the other model.")
    n = W.shape[1]
    low = independent(here.features(k))[0][n - n // 2 :]  # freed first: the half that is needed least
    wanted = independent(target.features(k))[0][: n // 2]
    inside = torch.isin(wanted, low)
    spare = low[~torch.isin(low, wanted)]
    stay, moved = wanted[inside], wanted[~inside]
    others = torch.arange(n, device=low.device)
    free(route, k, others[~torch.isin(others, low)])
    places = torch.cat([stay, spare[: len(moved)]])
    sources = torch.cat([stay, moved])
    write(route, k, places, W[:, sources], b[sources])
    free(route, k, places)
    if len(moved):
        write(route, k, moved, W[:, moved], b[moved])
        free(route, k, wanted)
    rest = others[~torch.isin(others, wanted)]
    write(route, k, rest, W[:, rest], b[rest])
