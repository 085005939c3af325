"""The moves of the proof, each a pure function of the weights at which a straight line ends.

Legend: I_p kept neurons of layer p, C_p the others; the incoming weights of a neuron include its bias. A place list
`cells` says where a subnetwork xi_l stands: cells[0] the neurons of layer l that it reads (None: all), cells[i] those
of layer l + i that are its own, in its order.

Neurons are dead because of what goes out of them: nobody reads their features. So what comes into them doesn't matter,
nor does act(0), and the paper's zeroing of incoming weights is left out: it would only make the path longer.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from core.subnetworks.weights import Subnetwork, Weights

Cells = Sequence[Tensor | None]


def write(net: Weights, xi: Subnetwork, cells: Cells) -> Weights:
    """The hidden layers of xi into its own neurons, which read nothing else. INVARIANT where these are dead.

    Which they are if no live unit reads C_p for p > l, and the output doesn't read C_{L-1}.
    """
    for i, W, b in _hidden(xi):
        k, rows = xi.level + i, cells[i]
        assert rows is not None
        into, bias = _copies(net, k)
        into[rows] = 0.0
        into[_places(rows, cells[i - 1], into)] = W
        if bias is not None and b is not None:
            bias[rows] = b
        net = net.changed(k, into, bias)
    return net


def turn_over(net: Weights, xi: Subnetwork, cells: Cells) -> Weights:
    """The output layer of xi, reading its own last hidden neurons and nothing else. CONVEX: no other layer moves."""
    into, bias = _copies(net, net.depth)
    into.zero_()
    into[_places(torch.arange(len(into), device=into.device), cells[-1], into)] = xi.weights.W[-1]
    return net.changed(net.depth, into, bias if bias is None else xi.weights.b[-1])


def copy_units(net: Weights, k: int, origins: Tensor, copies: Tensor) -> Weights:
    """Incoming weights of `origins` also into `copies`, unit by unit: twins. INVARIANT where the copies are dead."""
    into, bias = _copies(net, k)
    into[copies] = into[origins]
    if bias is not None:
        bias[copies] = bias[origins]
    return net.changed(k, into, bias)


def hand_over(net: Weights, pairs: Mapping[int, tuple[Tensor, Tensor]]) -> Weights:
    """What goes out of the origins goes out of their copies instead, whole, in all layers `pairs` at once.

    `pairs[k]` are (origins, copies) of hidden layer k: twins of which the copies have no outgoing weights to live
    units. INVARIANT: each such pair's weights into a live unit change by -w and +w. The twins of the layers above
    change alike, so they stay twins. (Nguyen et al. 2021, Claim 5.1, for all pairs of all layers together.)
    """
    for k, (origins, copies) in pairs.items():
        into, bias = _copies(net, k + 1)
        into[:, copies] = into[:, origins]
        into[:, origins] = 0.0
        net = net.changed(k + 1, into, bias)
    return net


def _hidden(xi: Subnetwork) -> list[tuple[int, Tensor, Tensor | None]]:
    """(i, W, b) of the layers l + i of xi but the last."""
    pairs = zip(xi.weights.W[:-1], xi.weights.b[:-1], strict=True)
    return [(i, W, b) for i, (W, b) in enumerate(pairs, start=1)]


def _copies(net: Weights, k: int) -> tuple[Tensor, Tensor | None]:
    """W_k and b_k, to be written on."""
    bias = net.b[k - 1]
    return net.W[k - 1].clone(), None if bias is None else bias.clone()


def _places(rows: Tensor, columns: Tensor | None, of: Tensor) -> tuple[Tensor, Tensor]:
    """An index of a weight's entries between rows and columns; None: all columns."""
    if columns is None:
        columns = torch.arange(of.shape[1], device=of.device)
    return rows[:, None], columns[None, :]
