"""The level that every path between two halves of a square linear network has to reach.

Statement. Let a linear network have one hidden layer and as many hidden units as inputs and as outputs, r, and let the
loss be square. Where det W_1 has different signs at two models, or det W_2, every path between them passes a point at
which it is zero. There the product W_1 W_2 has rank r - 1 or less, and the loss is at least

    c* = min over M (r, r) of rank r - 1 or less of the mean of 1/2 |x M - y|^2
       = the least-squares loss + 1/(2N) sigma_r(Q^T Y)^2,

sigma_r the smallest singular value, Q an orthonormal basis of the columns of X (N, r), Y (N, r): reduced-rank
regression (Eckart and Young for Q^T Y, since X M = Q (Q^T X M) reaches every Q B with B of that rank). c* is attained
without biases. With a bias anywhere, X and Y are centred over the samples first: that is the best constant, so c* is a
lower bound; W_1 is taken without its bias. Where rank X < r, c* is the least-squares loss, and no floor at all. A
model with a determinant of zero has a loss of c* or more itself.

Freeman and Bruna 2017, Proposition 2.2, asks for no more than r units: 1-1-1 with x = y = 1 has c* = 1/2, and models of
loss 0 with either sign.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from core.bounds.result import BoundResult
from core.losses import values_of
from core.methods.linear_net.assumptions import common, widths
from core.methods.linear_net.net import LinearNet
from core.methods.method import Premise, Task, require
from core.problem import Problem
from core.progress import Reporter
from core.results import Measurement
from core.specs.bounds import LinearFloor

ZERO = 1e-12  # singular values of at most this share of the largest count as zero


def compute(options: LinearFloor, problem: Problem, theta: Tensor, reporter: Reporter) -> BoundResult:  # noqa: ARG001
    """c*, and the signs of both determinants at theta (P,). Raises PremiseError where nothing is stated."""
    exact, theta = problem.to("cpu", torch.float64), theta.to("cpu", torch.float64)
    require(premises(exact, theta))
    net = LinearNet.of(exact, theta)
    least, sigma = reduced_rank(exact, centred=any(b is not None for b in net.b))
    floor = least + sigma**2 / (2 * len(exact.data.train))
    signs = [sign_of_determinant(W) for W in net.W]
    own = float(exact.losses(theta[None])[0])
    reporter.say(f"The least-squares loss is {least:.6g}; a product without full rank has {floor:.6g} or more.")
    measurements = [
        Measurement(name="model_loss", value=own, family="loss"),
        Measurement(name="least_squares_loss", value=least, family="loss"),
        Measurement(name="smallest_singular_value", value=sigma),
        *(Measurement(name="sign_of_determinant", value=sign, layer=l) for l, sign in enumerate(signs, start=1)),
    ]
    return BoundResult(floor, None, sentence(floor, signs, own, sigma), measurements)


def premises(problem: Problem, theta: Tensor) -> Iterator[Premise]:
    yield from common(Task(theta, theta, problem))
    yield Premise("the loss is square", problem.loss.name == "square", f"it is {problem.loss.name}")
    sizes = widths(problem)
    claim = "there is one hidden layer, with as many units as inputs and as outputs"
    yield Premise(claim, len(sizes) == 3 and len(set(sizes)) == 1, f"the widths are {'-'.join(map(str, sizes))}")


def reduced_rank(problem: Problem, centred: bool) -> tuple[float, float]:
    """The least-squares loss, and sigma_r(Q^T Y), 0 where the inputs have a rank below r."""
    X = problem.data.train.x.flatten(1)
    Y = values_of(problem.data.train.y, X.new_zeros(X.shape[1]))
    if centred:
        X, Y = X - X.mean(0), Y - Y.mean(0)
    Q, s, _ = torch.linalg.svd(X, full_matrices=False)
    Q = Q[:, s > ZERO * s[0]]
    seen = Q.T @ Y
    sigma = float(torch.linalg.svdvals(seen)[-1]) if len(seen) == X.shape[1] else 0.0
    return float((Y - Q @ seen).square().sum()) / (2 * len(X)), sigma


def sign_of_determinant(W: Tensor) -> float:
    """1, -1, or 0 where float64 can't tell that it is not zero."""
    s = torch.linalg.svdvals(W)
    return float(torch.linalg.det(W).sign()) if s[-1] > ZERO * s[0] else 0.0


def sentence(floor: float, signs: list[float], own: float, sigma: float) -> str:
    names = {1.0: "positive", -1.0: "negative", 0.0: "zero"}
    known = f"det W_1 is {names[signs[0]]} and det W_2 {names[signs[1]]}, the model's loss {own:.4g}"
    if sigma == 0:
        return f"{known}; there is no floor: a product without full rank reaches the least-squares loss {floor:.4g}"
    if 0.0 in signs:
        return f"{known}: it is on the floor of {floor:.4g} or above it"
    return f"{known}; every path to a model with another sign of either reaches {floor:.4g}"
