"""The level that every path reaches between two-unit ReLU networks on whose sides det W_1 has different signs.

Freeman and Bruna 2017, section 2.3.1, corrected and for any sample: two inputs x, two hidden ReLU units, outputs
f(x) = V relu(W_1 x), no biases, square loss with the factor 1/2 on N samples (x, y).

On a path along which det W_1 changes sign it is zero somewhere. There the rows of W_1 are multiples of one direction
w, so f(x) = v_1 relu(w.x) + v_2 relu(-w.x) for some v_1, v_2 (rows on one side of w, or zero rows, are special cases).
What that leaves at least is, with the samples P = {w.x > 0} and the others,

    R(w) = R_P(w) + R_not P(w),    R_P(w) = sum_P |y|^2 - |M w|^2 / (w'S w),    S = sum_P x x',  M = sum_P y x'

(least squares in v_1; the second term is 0 where w'S w is). Between two neighbouring directions that are orthogonal to
samples P stands still, and so do S and M: there the ratio of the two quadratic forms in w = (cos t, sin t) is largest
at an end or where its derivative vanishes, A cos 2t + B sin 2t + C = 0. So

    floor = 1 / (2N) min over arcs (min R_P + min R_not P)

is a lower bound, and every path between models of different signs reaches it. -w gives the same as w: half a turn is
enough. With biases nothing is stated: then parallel units may have kinks at different places.
"""

from math import pi

import torch
from torch import Tensor

from core.bounds.result import BoundResult
from core.errors import PremiseError
from core.methods.linear_net.assumptions import widths
from core.problem import Problem
from core.progress import Reporter
from core.results import Measurement
from core.specs.bounds import ReluFloor
from core.subnetworks import Weights

ROUNDING = 1e-9  # share of the mean of |y|^2 / 2 that is taken off for what float64 rounds
AT_ONCE = 1 << 22  # samples times arcs in one tensor


def compute(options: ReluFloor, problem: Problem, theta: Tensor, reporter: Reporter) -> BoundResult:  # noqa: ARG001
    """The floor, det W_1, and the direction in which the floor is lowest. Raises PremiseError for other networks."""
    require_two_units(problem)
    exact = problem.to("cpu", torch.float64)
    theta = theta.to("cpu", torch.float64)
    determinant = float(torch.linalg.det(Weights.of(exact, theta).W[0].flatten(1)))
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
        middle = (starts[some] + ends[some]) / 2
        side = torch.stack([middle.cos(), middle.sin()], 1) @ x.T > 0
        lowest.append(left(x, y, side, starts[some], ends[some]) + left(x, y, ~side, starts[some], ends[some]))
    rest = torch.cat(lowest) / (2 * len(x))
    at = int(rest.argmin())
    margin = ROUNDING * float(y.square().sum()) / (2 * len(x))
    return max(0.0, float(rest[at]) - margin), float((starts[at] + ends[at]) / 2)


def arcs(x: Tensor) -> tuple[Tensor, Tensor]:
    """Where the arcs (K,) of half a turn begin and end: at the directions orthogonal to samples."""
    x = x[x.abs().amax(1) > 0]
    edges = torch.cat([torch.remainder(torch.atan2(x[:, 1], x[:, 0]) + pi / 2, pi), x.new_tensor([0.0, pi])])
    edges = torch.unique(edges)  # sorted
    return edges[:-1], edges[1:]


def left(x: Tensor, y: Tensor, side: Tensor, starts: Tensor, ends: Tensor) -> Tensor:
    """The least of R_P (K,) on every arc, for P = `side` (K, N)."""
    P = side.to(x.dtype)
    total = P @ y.square().sum(1)
    M = torch.einsum("kn,nc,ni->kci", P, y, x)
    S = torch.einsum("kn,ni,nj->kij", P, x, x)
    return (total - largest_ratio(M.transpose(1, 2) @ M, S, starts, ends)).clamp_min(0)


def largest_ratio(Q: Tensor, S: Tensor, starts: Tensor, ends: Tensor) -> Tensor:
    """The largest of w'Q w / w'S w (K,) for w on every arc; 0 where w'S w is."""
    (a, b, c), (d, e, f) = double_angle(Q), double_angle(S)
    A, B, C = c * d - a * f, a * e - b * d, c * e - b * f
    size = torch.hypot(A, B)
    safe = torch.where(size > 0, size, 1.0)
    first, apart = torch.atan2(B, A), torch.acos((-C / safe).clamp(-1, 1))
    middle = (starts + ends) / 2
    places = [starts, ends]
    for t in ((first + apart) / 2, (first - apart) / 2):
        turned = t + pi * torch.round((middle - t) / pi)  # the ratio has a period of half a turn
        places.append(torch.minimum(torch.maximum(turned, starts), ends))
    ratios = []
    for t in places:
        cos, sin = torch.cos(2 * t), torch.sin(2 * t)
        above, below = a + b * cos + c * sin, d + e * cos + f * sin
        ratios.append(torch.where(below > 0, above / torch.where(below > 0, below, 1.0), 0.0))
    return torch.stack(ratios).amax(0)


def double_angle(Q: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """w'Q w of w = (cos t, sin t) as p + q cos 2t + r sin 2t."""
    return (Q[:, 0, 0] + Q[:, 1, 1]) / 2, (Q[:, 0, 0] - Q[:, 1, 1]) / 2, Q[:, 0, 1]
