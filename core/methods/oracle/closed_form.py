"""The constant of subpath 2 in closed form: how high F is between (W, beta) and (W~, gamma); square loss, one output.

With Sigma the mean of x x', and

    eps = sqrt(|Sigma| / 2) / 4 sum_i (|beta_i| + |gamma_i|) |w~_i - w_i|:    F <= M + 2 eps sqrt(L) + eps^2,

M the larger F of both ends, L the larger loss. Proof. Unit i adds ((1-t) beta_i + t gamma_i) relu(x.w_i(t)), and on
the chord of the outputs (1-t) beta_i relu(x.w_i) + t gamma_i relu(x.w~_i). relu moves no further than its input, so
these differ by t (1-t) (|beta_i| + |gamma_i|) |x.(w~_i - w_i)| at most: outputs are within sqrt(2) eps of their chord
in the mean square, on which the loss is convex. ∎

With |beta|_1, |gamma|_1 <= lambda / kappa it is C alpha + O(alpha^2), since |w~_i - w_i| <= 2 sin(alpha / 2) |w_i|.
Equation (22) of the paper bounds the difference by |(1-t) beta_i + t gamma_i|, which may vanish where it doesn't, and
has |Sigma| in place of its root.
"""

from math import sqrt

import torch

from core.methods.oracle.route import Side
from core.methods.oracle.shallow import Target, outputs


def closed_form(target: Target, side: Side) -> float | None:
    """A bound on F along subpath 2; None where the loss is another one, or there are several outputs."""
    if target.loss.name != "square" or target.outputs != 1:
        return None
    first, last = side.predictor, side.compressed
    sigma = float(torch.linalg.matrix_norm(target.X, 2).square()) / len(target.X)
    moved = (last.W - first.W).norm(dim=1)
    weights = (first.head.V.abs() + last.head.V.abs())[0]
    eps = sqrt(sigma / 2) / 4 * float((weights * moved).sum())
    features = [target.features(one.W) for one in (first, last)]
    pairs = list(zip(features, (first.head, last.head), strict=True))
    highest = max(target.value(H, head) for H, head in pairs)
    largest = max(float(target.mean_loss(outputs(H, head))) for H, head in pairs)
    return highest + 2 * eps * sqrt(largest) + eps**2
