"""The path of Nguyen et al. 2021, Theorem 4.1, from given kept sets and subnetworks.

Objects: layers 1..L, hidden widths n_1..n_{L-1}; for each of two models kept sets I_l of K_l >= n_l / 2 neurons of
hidden layer l, C_l the others, with K_l common to both; for each model subnetworks xi_1..xi_{L-1}, where xi_l reads
F_l on I_l and has at most n_p - K_p neurons in layers p > l; one subnetwork xi_0 that reads the input. phi convex.

Conclusion: a chain of at most 8 L - 7 straight lines from a to b on which

    loss <= max(loss a, loss b, losses of all these subnetworks),

each of them invariant (the function doesn't change) or convex (only the output layer moves what is seen). Proof: the
docstrings of the steps, and the invariants stated here. It needs nothing of the activation, and holds for convolutions,
whose neurons are channels, and without biases.

Where this departs from the paper: the moves of Claim 5.1 are made for all layers at once, neurons that nobody reads
keep their incoming weights until they are needed, and instead of equalising the sets of the two models xi_0 moves
between them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from core.methods.sparse.steps import Cells, copy_units, hand_over, turn_over, write
from core.path import Claim, Path
from core.problem import Problem
from core.subnetworks.weights import Subnetwork, Weights


@dataclass(frozen=True)
class End:
    """One of the two models: parameters (P,), and its subnetworks xi_1..xi_{L-1}, whose kept sets are the I_l."""

    theta: Tensor
    subnetworks: Sequence[Subnetwork]


@dataclass
class Chain:
    """Knots and claims, as they come."""

    knots: list[Weights]
    claims: list[Claim] = field(default_factory=list)

    @property
    def last(self) -> Weights:
        return self.knots[-1]

    def then(self, net: Weights, claim: Claim) -> None:
        self.knots.append(net)
        self.claims.append(claim)


def theorem_path(problem: Problem, a: End, b: End, xi_0: Subnetwork) -> Path:
    """The path from a to b through both models' subnetworks and xi_0."""
    first, second = Sides.of(problem, a), Sides.of(problem, b)
    there, back = first.sparsified(), second.sparsified()
    cells = first.cells(xi_0)
    moved = second.placed(cells)
    arrive(there, xi_0, cells)
    arrive(back, xi_0, moved)
    cross(there, back.last, cells, moved)
    nets = [*there.knots, *reversed(back.knots[:-1])]
    knots = a.theta.new_empty(len(nets), len(a.theta))  # filled one by one: they are the largest thing there is
    for i, net in enumerate(nets):
        knots[i] = net.theta(problem)
    assert torch.equal(knots[0], a.theta)
    assert torch.equal(knots[-1], b.theta)
    return Path(knots, (*there.claims, *reversed(back.claims)))


@dataclass(frozen=True)
class Sides:
    """One model with its sets: kept[l] = I_l and others[l] = C_l, both sorted, for hidden layers l."""

    net: Weights
    subnetworks: Sequence[Subnetwork]
    kept: Mapping[int, Tensor]
    others: Mapping[int, Tensor]

    @classmethod
    def of(cls, problem: Problem, end: End) -> "Sides":
        net = Weights.of(problem, end.theta)
        kept = {xi.level: xi.kept.to(end.theta.device) for xi in end.subnetworks if xi.kept is not None}
        assert sorted(kept) == list(range(1, net.depth)), "one subnetwork for every hidden layer"
        others = {p: complement(kept[p], net.widths[p]) for p in kept}
        return cls(net, sorted(end.subnetworks, key=lambda xi: xi.level), kept, others)

    def cells(self, xi: Subnetwork) -> list[Tensor | None]:
        """Where xi_l stands first: it reads I_l, and its own neurons are the first of C_p for p > l."""
        own = [self.others[p][: xi.weights.widths[p - xi.level]] for p in range(xi.level + 1, self.net.depth)]
        return [None if xi.reads is None else xi.reads.to(self.net.W[0].device), *own]

    def placed(self, cells: Cells) -> list[Tensor | None]:
        """Cells for xi_0 in C_p, as many of them as can be the same as `cells`, unit by unit."""
        found: list[Tensor | None] = [None]
        for p, there in enumerate(cells[1:], start=1):
            assert there is not None
            stays = torch.isin(there, self.others[p])
            free = self.others[p][~torch.isin(self.others[p], there)]
            here = there.clone()
            here[~stays] = free[: int((~stays).sum())]
            found.append(here)
        return found

    def sparsified(self) -> Chain:
        """From the model to a network that does without C_1..C_{L-1}: the output reads xi_1, which reads F_1 on I_1.

        Invariant of the loop: when xi_l has been dealt with, no live unit reads a neuron of C_l..C_{L-1}. The layers
        up to l are the model's own (but for what only dead neurons do), so F_l on I_l is what xi_l was trained on.
        """
        chain = Chain([self.net])
        top = self.subnetworks[-1]
        chain.then(turn_over(self.net, top, self.cells(top)), Claim.CONVEX)
        for xi in reversed(self.subnetworks[:-1]):
            cells = self.cells(xi)
            arrive(chain, xi, cells)
            self.leave(chain, xi, cells)
        return chain

    def leave(self, chain: Chain, xi: Subnetwork, cells: Cells) -> None:
        """Move xi_l, which the output reads alone, from C_p onto I_p for p > l: that makes room for the next one.

        I_p is dead for p > l, since the output reads only C_{L-1} and xi_l's neurons in C_p only those in C_{p-1} (I_l
        for p = l + 1): so its neurons may become copies of those in C_p. C_l is dead already: only I_{l+1} read it.
        """
        net, pairs = chain.last, {}
        for p, origins in enumerate(cells[1:], start=xi.level + 1):
            assert origins is not None
            pairs[p] = (origins, self.kept[p][: len(origins)])
            net = copy_units(net, p, *pairs[p])
        chain.then(net, Claim.INVARIANT)
        chain.then(hand_over(net, pairs), Claim.INVARIANT)


def arrive(chain: Chain, xi: Subnetwork, cells: Cells) -> None:
    """Write xi into dead neurons, then let the output read it alone."""
    chain.then(write(chain.last, xi, cells), Claim.INVARIANT)
    chain.then(turn_over(chain.last, xi, cells), Claim.CONVEX)


def cross(chain: Chain, to: Weights, cells: Cells, moved: Cells) -> None:
    """From xi_0 standing on `cells` to the network `to`, where it stands on `moved`: all else is dead.

    Units that stand elsewhere are copied and handed over as in Claim 5.1; then all dead neurons take the values
    that they have in `to`.
    """
    pairs = {}
    for p, (here, there) in enumerate(zip(cells[1:], moved[1:], strict=True), start=1):
        assert here is not None
        assert there is not None
        if bool((here != there).any()):
            pairs[p] = (here[here != there], there[here != there])
    if pairs:
        net = chain.last
        for p, (origins, copies) in pairs.items():
            net = copy_units(net, p, origins, copies)
        chain.then(net, Claim.INVARIANT)
        chain.then(hand_over(net, pairs), Claim.INVARIANT)
    chain.then(to, Claim.INVARIANT)


def complement(neurons: Tensor, width: int) -> Tensor:
    """The numbers below `width` that are not among `neurons`, sorted."""
    every = torch.arange(width, device=neurons.device)
    return every[~torch.isin(every, neurons)]
