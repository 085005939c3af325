"""Pieces that somebody wrote to deceive: none makes a certificate that contradicts what was seen."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from math import inf
from pathlib import Path as File

import pytest
import torch

from core.certify.enclosed import Wanted
from core.certify.enclosed.goal import Budget, Target
from core.certify.enclosed.pieces import Piece, save_pieces
from core.certify.enclosed.resuming import Kept, subject_of
from core.certify.enclosed.search import Search, _Open
from core.certify.knots import knot_losses
from core.engine.worker.verifying import verify_path
from core.examination import Examination, _contradictions, examine
from core.path import Path
from core.problem import Problem
from core.progress import SilentReporter
from core.verification import shortcomings
from tests.certify.enclosing import outputs_at
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
    assert ["goes on from" in one for one in reporter.said] == [True], "it was believed"
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


def stored(file: File, forged: Callable[[Piece], Piece]) -> Examination:
    """A proof of both segments, checked again from pieces that somebody changed."""
    pieces = {i: tuple(map(forged, one.pieces)) for i, one in proof_of(proven()).enclosures.items()}
    save_pieces(file, pieces)
    return examine(problem(), path(), wanted=Wanted.again(file, proven().certificate.level))


def test_a_stored_count_below_the_samples_that_are_wrong_is_named_with_its_piece(tmp_path: File) -> None:
    found = stored(tmp_path / "pieces", lambda one: replace(one, wrong=0))
    assert found.error_level is not None
    assert found.error_level >= proven().error_level
    told = r"segment 0: the stored count of samples that may be wrong of piece 0 is 0, and (\d+) were found to be"
    match = re.fullmatch(told, proof_of(found).doubts[0])
    assert match is not None, proof_of(found).doubts
    most = max(int(one) for one in _wrong(0.0, proof_of(proven()).enclosures[0].pieces[0].end))
    assert 0 < int(match[1]) <= most


def _wrong(start: float, end: float) -> list[int]:
    t = torch.linspace(start, end, 201, dtype=torch.float64)
    outputs = outputs_at(problem(), path().knots[:2].double(), t)
    return [int(one) for one in (outputs.argmax(-1) != problem().data.train.y).sum(1)]


def test_counts_that_are_higher_at_first_are_confirmed_by_splitting_the_piece() -> None:
    """On a long piece more samples may be wrong than at any of its points."""
    search = Search(problem(), path().knots[:2], Target(0.0, -inf), Budget(2000))
    most = max(_wrong(0.25, 0.5))
    may, are = search.recount(Piece(0.25, 0.5, (9.0, 9.0), 0))
    assert 0 < are <= most
    assert may == len(problem().data.train), "it was not looked at to the end"
    may, are = search.recount(Piece(0.25, 0.5, (9.0, 9.0), most + 1))
    assert are <= most <= may <= most + 1
    list(search.split_up(_Open(0.25, 0.5, inf)))
    assert [one.wrong > most + 1 for one in search.accepted] == [True]


def test_verify_compares_error_level_loss_reached_and_bounds(tmp_path: File) -> None:
    ends = path().start, path().end
    kept = verify_path(path(), ends, proven())
    bounds = [one.bound for one in proven().certificate.verdicts]
    facts = verify_path(path(), ends, stored(tmp_path / "pieces", lambda one: one))
    assert shortcomings(facts, {**kept, "bounds": bounds}) == []
    level, reached = proven().certificate.level, facts["reached"][0]
    assert shortcomings(facts, {**kept, "error_level": 0.0}) == [
        f"the error level is {proven().error_level:.4g}, and 0 in the catalogue"
    ]
    (told,) = shortcomings(facts, {**kept, "max_train_loss": 1.01 * level})
    assert told.endswith(f", and in the catalogue the loss reaches {1.01 * level:.6g}")
    assert shortcomings(facts, {**kept, "bounds": [0.9 * reached, bounds[1]]}) == [
        f"segment 0 reaches a train loss of {reached:.6g}, above its bound of {0.9 * reached:.6g} in the catalogue"
    ]
