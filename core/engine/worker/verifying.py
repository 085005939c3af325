"""Decide a path's certificate again: `verify` prints the result, and the run kind `certify` keeps it."""

from collections.abc import Sequence
from math import ceil, isfinite
from pathlib import Path as File
from typing import Any

import torch
from torch import Tensor

from core.certify.certificate import kind_of
from core.examination import Examination
from core.path import Path
from core.results import SegmentMade, as_loss

PIECES = "pieces.safetensors"


def file_at(position: int, name: str) -> str:
    """What a file of several of one run is called: the first `path.safetensors`, the next `path-1.safetensors`."""
    stem, _, ending = name.partition(".")
    return name if position == 0 else f"{stem}-{position}.{ending}"


def verify_path(path: Path, ends: Sequence[Tensor], examined: Examination) -> dict[str, Any]:
    """Whether a path leads from one model to another, each (P,), and what an examination in float64 found of it."""
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
        "error_level": examined.error_level,
        "reached": [_reached(examined, i) for i in range(len(path))],
        "pieces": pieces_of(examined),
        "passes": passes_of(examined),
        "unproven": examined.unproven,
        "doubts": [] if examined.proof is None else examined.proof.doubts,
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


def _reached(examined: Examination, i: int) -> float | None:
    """What a bound of segment i may not be below: the loss that it reaches, or by its structure its own bound."""
    if examined.proof is None or i not in examined.proof.enclosures:
        return examined.certificate.verdicts[i].bound
    seen = examined.proof.enclosures[i].seen
    return seen if isfinite(seen) else None


def pieces_of(examined: Examination) -> int:
    """On how many pieces a path was decided: each segment is one, unless it was split."""
    count, proof = len(examined.certificate.verdicts), examined.proof
    if proof is None or proof.failure is not None:
        return count
    return sum(len(proof.enclosures[i].pieces) if i in proof.enclosures else 1 for i in range(count))


def passes_of(examined: Examination) -> int | None:
    """Passes over the train set that a proof took, rounded up; None without one."""
    return None if examined.proof is None else ceil(examined.proof.passes)


def certificate_columns(examined: Examination, folder: File, position: int = 0) -> dict[str, Any]:
    """What a certificate says of the pieces that a run's path was proven on, whose bounds are left in `folder`.

    A sampled path has neither slack nor a bound on its error, nor one with a penalty; one too large has no number.
    """
    proof, certificate = examined.proof, examined.certificate
    columns: dict[str, Any] = {"pieces": pieces_of(examined), "passes": passes_of(examined), "file": None}
    if certificate.certified:
        columns["slack"] = certificate.level - examined.max_train_loss
        columns |= _penalised(examined)
    if examined.on_test is not None and examined.on_test.failure is None:
        columns |= {"test_level": examined.on_test.level, "test_error_level": examined.on_test.error}
    if proof is None or proof.failure is not None:
        return columns
    file = file_at(position, PIECES)
    proof.save(folder / file)
    return {**columns, "file": file, "error_level": examined.error_level}


def _penalised(examined: Examination) -> dict[str, float]:
    """The level with a penalty, and the factors without which it says nothing; empty where there is none."""
    level, penalty = examined.penalised_level, examined.penalty
    if level is None or penalty is None or not isfinite(level):
        return {}
    return {"penalised_level": level, "ridge": penalty.ridge, "l1": penalty.l1}


def describe_segments(path: Path, examined: Examination) -> list[SegmentMade]:
    """Every segment with its claim and the checker's verdict."""
    return [
        SegmentMade(
            position=i,
            kind=segment.kind,
            claim=str(verdict.claim),
            verdict="refused" if verdict.granted is None else str(verdict.granted),
            reason=verdict.reason,
            bound=None if verdict.bound is None else as_loss(verdict.bound),
            residual=verdict.residual,
            length=segment.length(),
            **_of_segment(examined, i),
        )
        for i, (segment, verdict) in enumerate(zip(path, examined.certificate.verdicts, strict=True))
    ]


def _of_segment(examined: Examination, i: int) -> dict[str, Any]:
    """What sort of proof a segment has; of one that was enclosed on how many pieces, and the loss that it reaches."""
    columns: dict[str, Any] = {"certificate": kind_of([examined.certificate.verdicts[i]])}
    if examined.proof is not None and i in examined.proof.enclosures:
        one = examined.proof.enclosures[i]
        columns |= {"pieces": len(one.pieces) or None, "seen": one.seen if isfinite(one.seen) else None}
    return columns
