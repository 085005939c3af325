"""The level that every path reaches between two-unit ReLU networks on whose sides det W_1 has different signs.

Freeman and Bruna 2017, section 2.3.1, corrected and for any sample: two inputs x, two hidden ReLU units, outputs
f(x) = V relu(W_1 x), no biases, square loss with the factor 1/2 on N samples (x, y).

On a path along which det W_1 changes sign it is zero somewhere. There the rows of W_1 are multiples of one direction
w, so f(x) = v_1 relu(w.x) + v_2 relu(-w.x) for some v_1, v_2 (rows on one side of w, or zero rows, are special cases).
What that leaves at least is, with the samples P = {w.x > 0} and the others,

    R(w) = R_P(w) + R_not P(w),    R_P(w) = sum_P |y|^2 - |M w|^2 / (w'S w),    S = sum_P x x',  M = sum_P y x'

(least squares in v_1; the second term is 0 where w'S w is). Between two neighbouring directions d and e that are
orthogonal to samples P stands still, and so do S and M: there the ratio of the two quadratic forms in w = s d + t e,
s, t >= 0, is largest at an end or where its derivative vanishes, A s^2 + B s t + C t^2 = 0. So

    floor = 1 / (2N) min over arcs (min R_P + min R_not P)

is a lower bound, and every path between models of different signs reaches it. -w gives the same as w: half a turn is
enough. With biases nothing is stated: then parallel units may have kinks at different places.
"""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from core.bounds.result import BoundResult
from core.errors import PremiseError
from core.methods.linear_net.assumptions import widths
from core.problem import Problem
from core.progress import Reporter
from core.results import Measurement
from core.specs.bounds import ReluFloor
from core.subnetworks import Weights

ROUNDING = 1e-9  # share of the mean of |y|^2 / 2 that is taken off for what float64 rounds
TINY = 1e-300
AT_ONCE = 1 << 22  # samples times arcs in one tensor


def compute(options: ReluFloor, problem: Problem, theta: Tensor, reporter: Reporter) -> BoundResult:  # noqa: ARG001
    """The floor, det W_1, and the direction in which the floor is lowest. Raises PremiseError for other networks."""
    require_two_units(problem)
    exact = problem.to("cpu", torch.float64)
    theta = theta.to("cpu", torch.float64)
    (p, q), (r, s) = Weights.of(exact, theta).W[0].flatten(1).tolist()
    determinant = p * s - q * r  # of float32 weights its sign is exact
    reporter.progress(None, "sweeping the directions")
    train = exact.data.train
    value, angle = floor(train.x.flatten(1), train.y)
    own = float(exact.losses(theta[None])[0])
    sign = "a negative" if determinant > 0 else "a positive" if determinant < 0 else "any"
    summary = (
        f"every path to a model whose det W_1 has {sign} sign reaches a train loss of {value:.5g}; "
        f"this model's is {determinant:.4g}, its train loss {own:.4g}"
    )
    measurements = [
        Measurement(name="floor", value=value, family="loss"),
        Measurement(name="model_loss", value=own, family="loss"),
        Measurement(name="determinant", value=determinant, role="aside"),
        Measurement(name="direction", value=angle, role="aside"),
    ]
    return BoundResult(value, 1, summary, measurements)


def require_two_units(problem: Problem) -> None:
    """Raise PremiseError naming what section 2.3.1 asks and doesn't find."""
    network = problem.require_layers("The floor of two ReLU units")
    layers = network.layers
    shape = widths(problem)
    odd = ""
    if len(layers) != 2 or shape[:2] != [2, 2] or layers[0].convolution:
        odd = f"a network of 2 inputs and 2 hidden units; this one is {'-'.join(map(str, shape))}"
    elif layers[0].activation is not torch.relu:
        odd = "ReLU units; this network has others"
    elif any(one.bias is not None for one in layers):
        odd = "no biases, with which nothing is claimed; this network has some"
    elif problem.loss.name != "square" or not problem.data.train.y.is_floating_point():
        odd = f"the square loss of numbers; this one is {problem.loss.name}"
    if odd:
        raise PremiseError(f"The floor of two ReLU units needs {odd}.")


def floor(x: Tensor, y: Tensor) -> tuple[float, float]:
    """The floor of samples x (N, 2), y (N, C), less its rounding, and the angle at which it is lowest."""
    starts, ends = arcs(x)
    lowest = []
    for some in torch.split(torch.arange(len(starts)), max(1, AT_ONCE // len(x))):
        first, last = starts[some] @ x.T, ends[some] @ x.T
        middle = first + last
        lowest.append(left(y, middle > 0, first, last) + left(y, middle <= 0, first, last))
    rest = torch.cat(lowest) / (2 * len(x))
    at = int(rest.argmin())
    margin = ROUNDING * float(y.square().sum()) / (2 * len(x))
    across = normalize(starts[at], dim=0) + normalize(ends[at], dim=0)
    return max(0.0, float(rest[at]) - margin), float(torch.atan2(across[1], across[0]))


def arcs(x: Tensor) -> tuple[Tensor, Tensor]:
    """Directions (K, 2) where the arcs of half a turn begin and end: those orthogonal to samples, and the axes.

    They keep the samples' digits, so that w.x of such a direction and of a sample in float32 is exact but for its last
    one, however near they are to orthogonal. Samples on one line, or nearly, would have no floor by angles.
    """
    x = x[x.abs().amax(1) > 0]
    across = torch.stack([-x[:, 1], x[:, 0]], 1)
    below = (across[:, 1] < 0) | ((across[:, 1] == 0) & (across[:, 0] < 0))
    across = torch.where(below[:, None], -across, across)
    axes = x.new_tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    found = torch.cat([across, axes])
    found = found[torch.atan2(found[:, 1].clamp_min(0), found[:, 0]).argsort(stable=True)]
    return found[:-1], found[1:]


def left(y: Tensor, side: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """The least of R_P (K,) on every arc, for P = `side` (K, N); w.x (K, N) where it begins and where it ends.

    Of one sign on P: no digit cancels in w'S w.
    """
    P = side.to(y.dtype)
    p, q = (unit(P * w) for w in (first, last))
    m, n = p @ y, q @ y  # M w at both ends (K, C)
    Q = m.square().sum(1), (m * n).sum(1), n.square().sum(1)
    return (P @ y.square().sum(1) - largest_ratio(*Q, (p * q).sum(1))).clamp_min(0)


def unit(w: Tensor) -> Tensor:
    """Rows (K, N) of length 1; rows of zeros stay."""
    return normalize(w / w.abs().amax(1, keepdim=True).clamp_min(TINY), dim=1)


def largest_ratio(a: Tensor, b: Tensor, c: Tensor, e: Tensor) -> Tensor:
    """The largest of (a s^2 + 2 b s t + c t^2) / (s^2 + 2 e s t + t^2) (K,) for s, t >= 0; e >= 0.

    At s = 0, at t = 0, or where the derivative by the angle of (s, t) vanishes.
    """
    A, B, C = a * e - b, a - c, b - c * e
    root = (B.square() - 4 * A * C).clamp_min(0).sqrt()
    half = -(B + torch.where(B < 0, -root, root)) / 2
    places = [(half, A), (C, half)]  # s : t
    ratios = [a, c]
    for place in places:
        size = torch.hypot(*place)
        s, t = (torch.where(size > 0, one / size.clamp_min(TINY), 0.0).abs() for one in place)
        below = s.square() + 2 * e * s * t + t.square()
        ratios.append(torch.where(below > 0, (a * s.square() + 2 * b * s * t + c * t.square()) / below, 0.0))
    return torch.stack(ratios).amax(0)
