"""Pieces that somebody wrote to deceive: none makes a certificate that contradicts what was seen."""

from dataclasses import replace
from functools import cache, partial
from pathlib import Path as File

import pytest

from core.certify.enclosed import Wanted
from core.certify.enclosed.pieces import Piece, save_pieces
from core.certify.enclosed.resuming import Kept, subject_of
from core.certify.knots import knot_losses
from core.examination import Examination, _contradictions, examine
from core.path import Path
from core.problem import Problem
from core.progress import SilentReporter
from tests.certify.test_enclosed_proofs import over_a_hill, path, problem, proof_of, proven

WHOLE = 50  # samples


class Resumed(SilentReporter):
    """Goes on from a checkpoint."""

    def __init__(self, left: File) -> None:
        self.left = left
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


@cache
def hill() -> Examination:
    return examine(*over_a_hill(), wanted=Wanted(0.05))


def resumed(file: File, pieces: dict[int, tuple[Piece, ...]], kept: Kept, of: tuple[Problem, Path]) -> Examination:
    """A proof that goes on from a checkpoint with these pieces, and the stamp that belongs to them."""
    save_pieces(file, pieces, partial(kept.metadata, subject_of(*of, range(len(of[1])), "train")))
    reporter = Resumed(file)
    found = examine(*of, wanted=Wanted(0.05), reporter=reporter)
    assert reporter.said == [], "it was believed"
    return found


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
def test_pieces_below_a_loss_that_was_seen_prove_nothing(share: float, tmp_path: File) -> None:
    bound = share * hill().max_train_loss
    found = resumed(tmp_path / "kept", {0: (Piece(0.0, 1.0, (bound, bound), WHOLE),)}, Kept(1.0, -1.0), over_a_hill())
    assert (found.certificate.kind, found.error_level) == ("sampled", None)
    assert (found.unproven or "").startswith("segment 0: its pieces contradict it: ")
    assert found.certificate.level >= found.max_train_loss


def test_a_bound_below_a_loss_at_a_knot_is_a_contradiction() -> None:
    exact, line = over_a_hill()
    knots, proof = knot_losses(exact, line), proof_of(hill())
    assert not dict(_contradictions(exact, line, hill().profile, knots, proof))
    low = replace(proof.enclosures[0], bound=0.999 * float(knots.loss.max()))
    (said,) = dict(_contradictions(exact, line, hill().profile, knots, replace(proof, enclosures={0: low}))).values()
    assert said.startswith("segment 0: its pieces contradict it: they say that nothing is above ")
    assert said.endswith(" at an end")


def test_counts_below_an_error_that_was_seen_prove_nothing(tmp_path: File) -> None:
    assert (proven().error_level or 0) > 0
    forged = {
        i: tuple(replace(piece, wrong=0) for piece in one.pieces) for i, one in proof_of(proven()).enclosures.items()
    }
    found = resumed(tmp_path / "kept", forged, Kept(1.0, -1.0), (problem(), path()))
    assert (found.certificate.kind, found.error_level) == ("sampled", None)
    assert "they say that 0 samples may be classified wrongly, and " in (found.unproven or "")


def test_honest_pieces_of_a_checkpoint_are_taken_as_they_are(tmp_path: File) -> None:
    honest = {i: one.pieces for i, one in proof_of(proven()).enclosures.items()}
    found = resumed(tmp_path / "kept", honest, Kept(1.0, proven().max_train_loss), (problem(), path()))
    assert (found.certificate.level, found.error_level) == (proven().certificate.level, proven().error_level)


def test_a_place_beyond_the_segment_is_no_place_where_its_loss_was_seen(tmp_path: File) -> None:
    state = Kept(1.0, -1.0, {0: 1.5})
    save_pieces(tmp_path / "kept", {0: (Piece(0.0, 0.5, (9.0, 9.0), 0),)}, partial(state.metadata, "same"))
    assert Kept.read(tmp_path / "kept", "same") is None
