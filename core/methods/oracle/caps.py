"""delta(k, alpha; m): kept units that may turn by an angle of at most alpha, their norms kept.

Projected descent from delta(k, 0; m), so never above it. A unit without incoming weights doesn't move.
"""

from math import cos, sin

import torch
from torch import Tensor

from core.methods.oracle.heads import QUICK, best_head
from core.methods.oracle.shallow import Head, Target, outputs

STEPS = 100
FITTED = 20  # steps between two fits of the head
GROWS, SHRINKS = 1.3, 0.5  # the step, as an angle, after one that went down and one that did not
SMALLEST = 1e-6  # of a step, as a share of alpha


def turned_units(target: Target, W: Tensor, start: Tensor, head: Head, alpha: float) -> tuple[Tensor, Head]:
    """Rows (k, n) within alpha of those of W, from `start` on, and their head, with the lowest F that is found."""
    head, now, step = target.valued(target.features(start), head), start, alpha / 4
    for i in range(1, STEPS + 1):
        if step < SMALLEST * alpha:
            break
        new = within(W, now - step * direction(target, now, head), alpha)
        tried = target.valued(target.features(new), head)
        if tried.value < head.value:
            now, head, step = new, tried, step * GROWS
        else:
            step *= SHRINKS
        if i % FITTED == 0:
            head = best_head(target, target.features(now), head, QUICK)
    return now, best_head(target, target.features(now), head)


def direction(target: Target, W: Tensor, head: Head) -> Tensor:
    """The gradient of F in W, across each row alone, scaled so that the row that turns fastest turns by 1."""
    leaf = W.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(target.mean_loss(outputs(target.features(leaf), head)), leaf)
    norms = W.norm(dim=1, keepdim=True)
    safe = torch.where(norms > 0, norms, 1.0)
    across = gradient - W * (gradient * W).sum(1, keepdim=True) / safe.square()
    across = torch.where(norms > 0, across, 0.0)
    fastest = (across.norm(dim=1, keepdim=True) / safe).max() if len(W) else across.sum()
    return across / fastest if float(fastest) > 0 else across


def within(W: Tensor, V: Tensor, alpha: float) -> Tensor:
    """Rows of V (k, n), turned back where they are further than alpha from those of W, with the norms of W's."""
    norms = W.norm(dim=1, keepdim=True)
    u = W / torch.where(norms > 0, norms, 1.0)
    along = (V * u).sum(1, keepdim=True)
    across = V - along * u
    size = across.norm(dim=1, keepdim=True)
    p = across / torch.where(size > 0, size, 1.0)
    angle = torch.atan2(size, along)
    edge = cos(alpha) * u + sin(alpha) * p
    turned = torch.where(angle <= alpha, torch.cos(angle) * u + torch.sin(angle) * p, edge)
    return torch.where((norms > 0) & (size > 0), norms * turned, W)
