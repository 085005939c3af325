"""Decide a path's certificate again: `verify` prints the result, and the run kind `certify` keeps it."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from core.examination import examine
from core.path import Path
from core.problem import Problem


def verify_path(path: Path, problem: Problem, ends: Sequence[Tensor], points: int = 61) -> dict[str, Any]:
    """Whether a path leads from one model to another, each (P,), and what is proven of it, all in float64.

    Segments without proof are looked at on the grid of a profile of at least `points` points.
    """
    examined = examine(problem.to(problem.device, torch.float64), path, points)
    certificate = examined.certificate
    return {
        "starts_at_a": torch.equal(path.start, ends[0]),
        "ends_at_b": torch.equal(path.end, ends[1]),
        "certificate": certificate.kind,
        "certified": certificate.certified,
        "level": certificate.level,
        "drift": certificate.drift,
        "excess": certificate.excess,
        "train_loss_a": certificate.loss_a,
        "train_loss_b": certificate.loss_b,
        "residual": certificate.residual,
        "max_train_loss": examined.max_train_loss,
        "segments": len(path),
        "carries": list(certificate.carries),
        "refused": list(certificate.refused),
        "verdicts": [
            {
                "segment": i,
                "claim": str(one.claim),
                "granted": one.granted and str(one.granted),
                "reason": one.reason,
            }
            for i, one in enumerate(certificate.verdicts)
        ],
    }
