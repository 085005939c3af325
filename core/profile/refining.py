"""Where to look next for the maximum of a function that was looked at on a grid.

Around every maximum of the grid, the function may rise higher. How much is estimated from the points beside it:
inside, by no more than the sum of both drops (for a parabola it is at most an eighth of that, for a kink half);
at an end of the line, by no more than the line through the two points next to it says. Where this could exceed
the best value known by more than TOLERANCE, the stretches beside the maximum are halved.
"""

import torch
from torch import Tensor

TOLERANCE = 1e-5  # relative, of the largest value
ROUNDS = 12


def ordered(values: Tensor) -> Tensor:
    """Values that can be compared: what is not a number counts as infinite."""
    return torch.nan_to_num(values, nan=torch.inf, posinf=torch.inf, neginf=-torch.inf)


def between_maxima(t: Tensor, values: Tensor, best: float) -> Tensor:
    """Where (M,) to look next, between the points t (K,), sorted, with values (K,); nowhere once it is settled."""
    if not bool(torch.isfinite(values).all()):
        return t[:0]
    halves: set[int] = set()  # the stretch from point i to i + 1
    limit = best + TOLERANCE * abs(best)
    v, at = values.tolist(), t.tolist()
    last = len(v) - 1
    for i in range(last + 1):
        if 0 < i < last and v[i] >= max(v[i - 1], v[i + 1]) and 3 * v[i] - v[i - 1] - v[i + 1] > limit:
            halves |= {i - 1, i}
    if last >= 2:
        if v[0] >= v[1] and _extended(at[:3], v[:3]) > max(limit, v[0]):
            halves.add(0)
        if v[last] >= v[last - 1] and _extended(at[::-1][:3], v[::-1][:3]) > max(limit, v[last]):
            halves.add(last - 1)
    left = torch.tensor(sorted(halves), dtype=torch.long, device=t.device)
    return (t[left] + t[left + 1]) / 2


def _extended(t: list[float], v: list[float]) -> float:
    """The line through the second and third point, at the first."""
    return v[1] + (v[1] - v[2]) * (t[1] - t[0]) / (t[2] - t[1])
