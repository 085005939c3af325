"""Proofs of whole paths: what they cost, how they go on, and that a stored one is looked at again, never believed."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from itertools import pairwise
from math import ceil, inf, isfinite
from pathlib import Path as File

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from core.certify import decide
from core.certify.enclosed import Proof, Wanted
from core.certify.enclosed.goal import Budget, Target, apart
from core.certify.enclosed.pieces import Piece, load_pieces
from core.certify.enclosed.proof import FEW
from core.certify.enclosed.search import RUN, Search, Start, _Open
from core.engine.worker.verifying import verify_path
from core.errors import UsageError
from core.examination import Examination, examine
from core.path import Claim, Path
from core.problem import Problem
from core.progress import SilentReporter
from core.verification import shortcomings
from tests.certify.enclosing import drawn_ends, losses_of, outputs_at, problem_with
from tests.certify.segments import NETWORKS, problem_of, segment
from tests.certify.test_bounded import moved

Tensors = dict[str, Tensor]


@cache
def problem() -> Problem:
    return problem_with("cross-entropy", "relu", widths=(6, 5), samples=50)


@cache
def path() -> Path:
    """Two segments, one of which needs many pieces."""
    ends = drawn_ends(problem(), 4, 0.0, 1.0)
    return Path.chain([*ends, ends[1] + 1e-3 * (ends[0] - ends[1])])


@cache
def proven() -> Examination:
    return examine(problem(), path(), wanted=Wanted(0.02))


def proof_of(examined: Examination) -> Proof:
    assert examined.proof is not None
    return examined.proof


def again(file: File, one: Path | None = None, level: float | None = None) -> Examination:
    level = proven().certificate.level if level is None else level
    return examine(problem(), one or path(), wanted=Wanted.again(file, level))


def largest_seen(one: Path, count: int = 801) -> float:
    t = torch.linspace(0, 1, count, dtype=torch.float64)
    return max(
        float(losses_of(problem(), outputs_at(problem(), one.knots[i : i + 2].double(), t)).mean(1).max())
        for i in range(len(one))
    )


def test_a_proof_is_checked_again_from_its_file(tmp_path: File) -> None:
    file = tmp_path / "pieces.safetensors"
    proof_of(proven()).save(file)
    assert [len(one) for one in load_pieces(file).values()] == [
        len(one.pieces) for one in proof_of(proven()).enclosures.values()
    ]
    found = again(file)
    assert found.certificate.kind == proven().certificate.kind == "enclosed"
    assert largest_seen(path()) <= found.certificate.level <= proven().certificate.level
    assert proof_of(found).passes <= Wanted.again(file, 1.0).passes


def test_stored_pieces_share_the_points_where_they_meet_when_they_are_looked_at_again() -> None:
    count = 3 * RUN + 1
    search = Search(problem(), path().knots[:2], Target(0.0, 0.0, below=inf), Budget(), start=Start("norms", 1, 0.0))
    search.split_at([(i / count) ** 2 for i in range(count)])
    search.target.slack = 1e9
    assert search.run() is None
    assert [one.start for one in search.accepted] == [(i / count) ** 2 for i in range(count)]
    assert search.accepted[-1].end == 1
    above = 1 - 6 * 4 / (6 * 4 + 5 * 6 + 3 * 5)  # the first layer's share of all weights; it costs two passes a run
    expected = above * (2 * count + 4) + 2 * 4 * (1 - above)
    assert search.budget.spent == pytest.approx(expected), "one pass a piece, and one at each end of four runs"
    alone = [Search(problem(), path().knots[:2], Target(1e9, 1.0), Budget()) for _ in search.accepted]
    for one, piece in zip(alone, search.accepted, strict=True):
        list(one.split_up(_Open(piece.start, piece.end, inf)))
        assert one.accepted[0].ends == pytest.approx(piece.ends, rel=1e-12)


def test_of_a_run_of_stored_pieces_only_those_above_the_level_are_split() -> None:
    search = Search(problem(), path().knots[:2], Target(0.0, 0.0), Budget(), start=Start("entries", 1, 0.0))
    pieces = proof_of(proven()).enclosures[0].pieces
    search.split_at([one.start for one in pieces if one.start != pieces[-1].start])
    search.target.below, search.target.slack = proven().certificate.level, 0.0
    assert search.run() is None
    assert len(search.accepted) >= len(pieces), "the last two are one, which is split"
    assert {one.start for one in pieces[:-2]} <= {one.start for one in search.accepted}
    assert search.bound <= proven().certificate.level


@pytest.mark.parametrize("segments", [1, 3, 12])
def test_a_proof_of_segments_that_are_one_piece_each_is_checked_again(segments: int, tmp_path: File) -> None:
    ends = drawn_ends(problem(), 4, 0.0, 1e-3)
    one = Path.chain([torch.lerp(ends[0], ends[1], i / segments) for i in range(segments + 1)])
    first = examine(problem(), one, wanted=Wanted(0.05))
    assert [len(found.pieces) for found in proof_of(first).enclosures.values()] == [1] * segments
    proof_of(first).save(tmp_path / "pieces")
    found = again(tmp_path / "pieces", one, first.certificate.level)
    assert found.certificate.kind == "enclosed", found.unproven


def cut(tensors: Tensors, keep: Tensor) -> Tensors:
    return {name: one[keep].contiguous() for name, one in tensors.items()}


def with_gap(tensors: Tensors) -> Tensors:
    return cut(tensors, torch.arange(len(tensors["start"])) != 2)


def stops_early(tensors: Tensors) -> Tensors:
    last = int((tensors["segment"] == 0).nonzero()[-1])
    tensors["end"][last] = 0.999
    return tensors


def nan_in(name: str) -> Callable[[Tensors], Tensors]:
    def forged(tensors: Tensors) -> Tensors:
        tensors[name][1] = float("nan")
        return tensors

    return forged


def overlapping(tensors: Tensors) -> Tensors:
    tensors["start"][1] -= 0.01
    return tensors


def backwards(tensors: Tensors) -> Tensors:
    return {name: one.flip(0).contiguous() for name, one in tensors.items()}


def beyond(tensors: Tensors) -> Tensors:
    tensors["end"][-1] = 1.5
    return tensors


def elsewhere(tensors: Tensors) -> Tensors:
    return {**tensors, "segment": tensors["segment"] + 5}


def below_zero(tensors: Tensors) -> Tensors:
    return {**tensors, "segment": tensors["segment"] - 1}


def lacking(tensors: Tensors) -> Tensors:
    return {name: one for name, one in tensors.items() if name != "end"}


def shorter(tensors: Tensors) -> Tensors:
    return {**tensors, "wrong": tensors["wrong"][:-1].contiguous()}


def single(tensors: Tensors) -> Tensors:
    return {name: one.float() for name, one in tensors.items()}


FORGED: list[tuple[Callable[[Tensors], Tensors], str]] = [
    (with_gap, "is not a complete proof: segment 0 has no piece from "),
    (stops_early, "is not a complete proof: segment 0 has no piece from 0.999 to 1."),
    (nan_in("start"), "can't be read as the pieces of a proof: piece 1 of segment 0 is from nan to "),
    (nan_in("end"), " to nan."),
    (nan_in("ends"), "the bounds of piece 1 of segment 0 are [nan, nan]"),
    (overlapping, "piece 1 of segment 0 is from "),
    (backwards, "piece 1 of segment 0 is from "),
    (beyond, " to 1.5."),
    (elsewhere, "The pieces are of another path: they speak of segment 5, and this one has 2."),
    (below_zero, "piece 0 of segment -1 is from 0 to "),
    (lacking, "it lacks 'end'."),
    (shorter, "zip() argument"),
    (single, "segment is torch.float32 of 1 dimensions"),
]


@pytest.mark.parametrize(("forged", "said"), FORGED)
def test_pieces_that_no_search_leaves_are_refused_in_a_sentence(
    forged: Callable[[Tensors], Tensors], said: str, tmp_path: File
) -> None:
    proof_of(proven()).save(tmp_path / "pieces")
    tensors = load_file(tmp_path / "pieces")
    save_file(forged(tensors), tmp_path / "forged")
    with pytest.raises(UsageError) as caught:
        again(tmp_path / "forged")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no tensors", b"\xff" * 100])
def test_a_file_that_holds_no_pieces_is_named(content: bytes, tmp_path: File) -> None:
    (tmp_path / "broken").write_bytes(content)
    with pytest.raises(UsageError, match="broken can't be read as the pieces of a proof"):
        again(tmp_path / "broken")
    with pytest.raises(UsageError, match="can't be read"):
        again(tmp_path / "missing")


def test_a_file_cut_short_is_named(tmp_path: File) -> None:
    proof_of(proven()).save(tmp_path / "pieces")
    whole = (tmp_path / "pieces").read_bytes()
    (tmp_path / "pieces").write_bytes(whole[: len(whole) - 9])
    with pytest.raises(UsageError, match="can't be read as the pieces of a proof"):
        again(tmp_path / "pieces")


def test_stored_bounds_are_never_believed(tmp_path: File) -> None:
    proof_of(proven()).save(tmp_path / "pieces")
    tensors = load_file(tmp_path / "pieces")
    tensors["ends"][:], tensors["wrong"][:] = 1e-3, 0
    save_file(tensors, tmp_path / "forged")
    found = again(tmp_path / "forged")
    assert found.certificate.level >= largest_seen(path())
    assert found.error_level == pytest.approx(again(tmp_path / "pieces").error_level)


def test_a_proof_that_is_checked_again_leaves_no_doubt_of_its_bounds(tmp_path: File) -> None:
    proof_of(proven()).save(tmp_path / "pieces")
    assert proof_of(again(tmp_path / "pieces")).doubts == []


def over_a_hill() -> tuple[Problem, Path]:
    """From a network to itself with its units in another order, and labels as it gives them: higher in the middle."""
    start = 3 * drawn_ends(problem(), 4, 0.0, 1.0)[0]
    named = problem().layout.split(start[None].clone())
    for name, dimension in (("w0", 1), ("b0", 1), ("w1", 2)):
        named[name].copy_(named[name].roll(1, dimension))
    end = problem().layout.join({name: one[0] for name, one in named.items()})
    data = problem().data
    y = problem().outputs(start[None], data.train.x)[0].argmax(-1)
    return replace(problem(), data=replace(data, train=replace(data.train, y=y))), Path.line(start, end)


@pytest.mark.parametrize("share", [-0.1, 0.5, 0.98])
def test_a_stored_bound_below_a_loss_is_named_with_its_piece(share: float, tmp_path: File) -> None:
    """So far from the loss at the ends of a piece to its top: where that is above 0, only points between show it."""
    hill, line = over_a_hill()
    t = torch.linspace(0, 1, 801, dtype=torch.float64)
    losses = losses_of(hill, outputs_at(hill, line.knots, t)).mean(1)
    low, top = float(losses[0]), float(losses.max())
    assert low < 0.7 * top
    said = low + share * (top - low)
    tensors = {"start": [0.0, 0.75], "end": [0.75, 1.0], "ends": [[said, said], [2 * top, 2 * top]]}
    made = {name: torch.tensor(one, dtype=torch.float64) for name, one in tensors.items()}
    whole = torch.zeros(2, dtype=torch.int64)
    save_file({**made, "segment": whole, "wrong": whole + 50}, tmp_path / "forged")
    wanted = replace(Wanted.again(tmp_path / "forged", 1.1 * top), passes=2000)  # two pieces alone would get few
    found = examine(hill, line, wanted=wanted)
    assert found.certificate.kind == "enclosed", found.unproven
    (doubt,) = proof_of(found).doubts
    assert doubt.startswith(f"segment 0: the stored bound of piece 0 is {said:.6g}, and ")
    assert said < float(doubt.split()[-3]) <= top * (1 + 1e-5)
    facts = {"doubts": proof_of(found).doubts, "certificate": "enclosed", "level": 0.0, "drift": 0.0}
    facts |= {"starts_at_a": True, "ends_at_b": True, "refused": [], "train_loss_a": 0.0, "train_loss_b": 0.0}
    assert shortcomings(facts, facts) == [doubt]


def test_a_level_below_the_truth_is_not_confirmed(tmp_path: File) -> None:
    proof_of(proven()).save(tmp_path / "pieces")
    low = 0.9 * largest_seen(path())
    found = again(tmp_path / "pieces", level=low)
    assert found.certificate.level > low
    kept = {
        "certificate": "enclosed",
        "level": low,
        "drift": 0.0,
        "train_loss_a": found.certificate.loss_a,
        "train_loss_b": found.certificate.loss_b,
    }
    facts = {
        **kept,
        "certificate": found.certificate.kind,
        "level": found.certificate.level,
        "starts_at_a": True,
        "ends_at_b": True,
        "refused": [],
    }
    assert any("above the" in one for one in shortcomings(facts, kept))


def test_a_level_below_a_loss_so_large_that_nothing_fits_between_is_not_confirmed(tmp_path: File) -> None:
    steep = problem_with("square", "relu", widths=(6, 5))
    ends = 1e3 * drawn_ends(steep, 1, 0.0, 1.0)
    first = examine(steep, Path.line(*ends), wanted=Wanted(0.05))
    proof_of(first).save(tmp_path / "pieces")
    found = examine(steep, Path.line(*ends), wanted=Wanted.again(tmp_path / "pieces", 1.0))
    assert found.certificate.level > 1e6
    assert found.certificate.kind == "sampled" or found.certificate.level >= found.max_train_loss


def test_pieces_of_another_path_or_other_data_prove_nothing_false(tmp_path: File) -> None:
    proof_of(proven()).save(tmp_path / "pieces")
    other = Path(torch.roll(path().knots, 7, 1) * 1.5, path().claims)
    found = again(tmp_path / "pieces", other)
    assert found.certificate.level >= largest_seen(other)
    data = problem().data
    swapped = replace(problem(), data=replace(data, train=replace(data.train, y=2 - data.train.y)))
    known = examine(swapped, path(), wanted=Wanted.again(tmp_path / "pieces", proven().certificate.level))
    t = torch.linspace(0, 1, 301, dtype=torch.float64)
    assert known.certificate.level >= float(losses_of(swapped, outputs_at(swapped, path().knots[:2], t)).mean(1).max())


def test_weights_that_are_no_numbers_are_not_enclosed_by_stored_pieces(tmp_path: File) -> None:
    proof_of(proven()).save(tmp_path / "pieces")
    knots = path().knots.clone()
    knots[1, 3] = float("nan")
    found = again(tmp_path / "pieces", Path(knots, path().claims))
    assert (found.certificate.kind, found.certificate.level) == ("sampled", inf)


def facts_of(one: Path, found: Examination) -> dict[str, object]:
    return verify_path(one, (path().start, path().end), found)


def test_what_is_forged_is_refused_by_its_name(tmp_path: File) -> None:
    proof_of(proven()).save(tmp_path / "pieces")
    kept = facts_of(path(), proven())
    assert shortcomings(facts_of(path(), again(tmp_path / "pieces")), kept) == []

    knots = path().knots.clone()
    knots[1, 3] = float("nan")
    no_number = Path(knots, path().claims)
    said = shortcomings(facts_of(no_number, again(tmp_path / "pieces", no_number)), kept)
    assert said[0] == (
        "the certificate is sampled only (segment 0: w0, entry 3, of its end is nan: it has to be finite)"
    )

    data = problem().data
    other = replace(problem(), data=replace(data, train=replace(data.train, y=2 - data.train.y)))
    wanted = Wanted.again(tmp_path / "pieces", proven().certificate.level)
    said = shortcomings(facts_of(path(), examine(other, path(), wanted=wanted)), kept)
    assert any(one.startswith("the train loss at its start is ") for one in said)


@pytest.mark.parametrize("passes", [1, 10, 35, 60])
def test_a_budget_is_overspent_by_no_more_than_a_split(passes: int) -> None:
    found = proof_of(examine(problem(), path(), wanted=Wanted(1e-4, passes)))
    trial, split = 30, 33 + 32 * 6
    assert found.failure is not None
    assert found.passes <= passes + trial + split
    assert f"after {ceil(found.passes)} passes" in found.failure, "rounded up, as in the catalogue"


@pytest.mark.parametrize("passes", [1, 5, 30, 60, 100])
def test_nothing_is_begun_that_costs_more_passes_than_are_left(passes: int) -> None:
    """A deep network, where trying columns costs most, and few samples, so that all of them are tried."""
    deep = problem_with("cross-entropy", "relu", widths=(8,) * 8, samples=30)
    line = Path.line(*(2 * drawn_ends(deep, 1, 0.0, 1.0)))
    found = examine(deep, line, wanted=Wanted(0.01, passes))
    assert proof_of(found).passes <= passes
    assert found.certificate.kind == "sampled"
    assert (found.unproven or "").endswith(f" after {proof_of(found).passes:.0f} passes")


def test_a_bound_and_its_goal_have_digits_that_tell_them_apart() -> None:
    assert apart(2.52941, 2.52938) == ("2.52941", "2.52938")
    assert apart(0.071, 0.06) == ("0.071", "0.06")
    assert apart(inf, 0.0625) == ("inf", "0.0625")
    assert apart(0.1, 0.1) == ("0.1", "0.1")


@pytest.mark.parametrize("spent", [0.0, 40.0, 500.0])
def test_a_proof_out_of_reach_costs_a_trial_and_one_in_reach_no_more_than_the_path_did(spent: float) -> None:
    for slack in (1e-7, 0.05):
        found = examine(problem(), path(), wanted=Wanted(slack, spent=spent))
        allowed = max(FEW, spent + found.profile.forward_passes)
        if proof_of(found).failure is None:
            assert found.certificate.kind == "enclosed"
            assert proof_of(found).passes <= allowed + 30 + 33 + 32 * 6
        else:
            assert found.certificate.kind == "sampled"
            assert found.unproven is not None
    assert found.certificate.kind == "enclosed", "5 % are within reach of a hundred passes"


def test_a_path_that_is_out_of_reach_says_so_after_a_trial() -> None:
    found = examine(problem(), path(), wanted=Wanted(1e-8, spent=0.0))
    assert found.unproven is not None
    assert found.unproven.startswith("a proof may take ")
    assert found.unproven.endswith("are allowed")
    assert proof_of(found).passes <= 30 * len(path())


def test_no_passes_prove_nothing() -> None:
    found = examine(problem(), path(), wanted=Wanted(passes=0))
    assert found.certificate.kind == "sampled"
    seen = f"{found.max_train_loss:.4g}"
    assert (found.unproven or "").startswith(f"segment 0: seen nowhere above {seen}, but not proven below ")
    assert (found.unproven or "").endswith(" after 0 passes")


def test_the_same_is_proven_twice() -> None:
    found = examine(problem(), path(), wanted=Wanted(0.02))
    assert found.certificate == proven().certificate
    assert proof_of(found) == proof_of(proven())


class Interrupted(SilentReporter):
    """Keeps what is offered, and is cut off after so many offers."""

    def __init__(self, file: File, after: int) -> None:
        self.file, self.after, self.fractions, self.said = file, after, [], []

    def progress(self, fraction: float | None, message: str) -> None:
        self.fractions.append(fraction)

    def say(self, text: str) -> None:
        self.said.append(text)

    def checkpoint(self, save: Callable[[File], None]) -> None:
        save(self.file)
        self.after -= 1
        if self.after == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_proof_that_was_cut_off_goes_on_where_it_was(after: int, tmp_path: File) -> None:
    reporter = Interrupted(tmp_path / "kept", after)
    with pytest.raises(KeyboardInterrupt):
        examine(problem(), path(), wanted=Wanted(3e-4), reporter=reporter)
    kept = load_pieces(tmp_path / "kept")
    later = Interrupted(tmp_path / "later", -1)
    later.left = tmp_path / "kept"
    found = examine(problem(), path(), wanted=Wanted(3e-4), reporter=later)
    assert found.certificate.kind == "enclosed", found.unproven
    assert largest_seen(path()) <= found.certificate.level <= 1.001 * largest_seen(path())
    assert all(0 <= one <= 1 for one in later.fractions)
    for i, pieces in kept.items():
        assert set(pieces) <= set(proof_of(found).enclosures[i].pieces), "what was done is not done again"
    proof_of(found).save(tmp_path / "pieces")
    assert again(tmp_path / "pieces", level=found.certificate.level).certificate.kind == "enclosed"


def cut_off(file: File, after: int = 3) -> None:
    with pytest.raises(KeyboardInterrupt):
        examine(problem(), path(), wanted=Wanted(0.01), reporter=Interrupted(file, after))


def test_a_proof_that_goes_on_costs_and_says_what_it_would_have_without_a_break(tmp_path: File) -> None:
    whole = examine(problem(), path(), wanted=Wanted(0.01))
    cut_off(tmp_path / "kept")
    later = Interrupted(tmp_path / "later", -1)
    later.left = tmp_path / "kept"
    found = examine(problem(), path(), wanted=Wanted(0.01), reporter=later)
    assert proof_of(found).target == proof_of(whole).target
    assert found.max_train_loss == whole.max_train_loss
    assert found.certificate.level == pytest.approx(whole.certificate.level, rel=0.01)
    count = sum(map(len, load_pieces(tmp_path / "kept").values()))
    (said,) = (one for one in later.said if not one.startswith("Segment "))
    assert re.fullmatch(rf"The search goes on from {count} pieces?, found before in \d+ passes\.", said), said
    short = examine(problem(), path(), wanted=Wanted(0.01, passes=1), reporter=later)
    assert proof_of(short).passes > 1, "what was spent before counts"
    tight = examine(problem(), path(), wanted=Wanted(1e-3), reporter=later)
    assert tight.certificate.level <= 1.0011 * tight.max_train_loss, "pieces above a lower target are not kept"


def test_the_log_says_with_each_checkpoint_what_it_keeps(tmp_path: File) -> None:
    reporter = Interrupted(tmp_path / "kept", 3)
    with pytest.raises(KeyboardInterrupt):
        examine(problem(), path(), wanted=Wanted(3e-4), reporter=reporter)
    assert len(reporter.said) == 3
    last = re.fullmatch(r"Segment (\d): (\d+) pieces?, (\d+) passes so far\.", reporter.said[-1])
    assert last is not None, reporter.said
    i, pieces, passes = map(int, last.groups())
    assert len(load_pieces(tmp_path / "kept")[i]) == pieces
    assert passes > 0


def damaged(name: str) -> Callable[[File], tuple[Problem, Path]]:
    def change(file: File) -> tuple[Problem, Path]:
        with safe_open(file, "pt") as opened:
            metadata = opened.metadata()
        tensors = load_file(file)
        tensors[name][0] -= 0.25 if name == "ends" else 1
        save_file(tensors, file, metadata)
        return problem(), path()

    return change


def without_stamp(file: File) -> tuple[Problem, Path]:
    save_file(load_file(file), file)
    return problem(), path()


def other_labels(_: File) -> tuple[Problem, Path]:
    data = problem().data
    return replace(problem(), data=replace(data, train=replace(data.train, y=2 - data.train.y))), path()


def other_samples(_: File) -> tuple[Problem, Path]:
    data = problem().data
    return replace(problem(), data=replace(data, train=replace(data.train, stored=1.25 * data.train.x))), path()


def other_knots(_: File) -> tuple[Problem, Path]:
    return problem(), Path(path().knots * 1.25, path().claims)


def other_activation(_: File) -> tuple[Problem, Path]:
    first, *others = problem().layered.layers
    bent = replace(first, activation=partial(functional.leaky_relu, negative_slope=0.5))
    return replace(problem(), layered=replace(problem().layered, layers=(bent, *others))), path()


def cut_short(file: File) -> tuple[Problem, Path]:
    file.write_bytes(file.read_bytes()[:-9])
    return problem(), path()


def emptied(file: File) -> tuple[Problem, Path]:
    file.write_bytes(b"")
    return problem(), path()


def of_beads(file: File) -> tuple[Problem, Path]:
    save_file({"knots": path().knots}, file)
    return problem(), path()


UNREADABLE = [cut_short, emptied, of_beads]
CHANGES = [
    *UNREADABLE,
    damaged("ends"),
    damaged("wrong"),
    without_stamp,
    other_labels,
    other_samples,
    other_knots,
    other_activation,
]


@pytest.mark.parametrize("change", CHANGES)
def test_pieces_of_a_checkpoint_are_those_of_this_very_problem_and_path(
    change: Callable[[File], tuple[Problem, Path]], tmp_path: File
) -> None:
    cut_off(tmp_path / "kept")
    here, line = change(tmp_path / "kept")
    later = Interrupted(tmp_path / "later", -1)
    later.left = tmp_path / "kept"
    found = examine(here, line, wanted=Wanted(0.01), reporter=later)
    said, *others = later.said
    assert all(one.startswith("Segment ") for one in others)
    assert said.startswith("The pieces in the checkpoint are damaged, or of another problem or path")
    assert proof_of(found) == proof_of(examine(here, line, wanted=Wanted(0.01)))


def test_pieces_tile_a_segment_and_lie_below_the_level_and_above_the_loss() -> None:
    for i, one in proof_of(proven()).enclosures.items():
        edges = [(piece.start, piece.end) for piece in one.pieces]
        assert (edges[0][0], edges[-1][1]) == (0, 1)
        assert all(a[1] == b[0] for a, b in pairwise(edges))
        assert max(piece.bound for piece in one.pieces) == one.bound <= proven().certificate.level
        ends = path().knots[i : i + 2]
        for piece in one.pieces:
            s = torch.linspace(0, 1, 9, dtype=torch.float64)
            z = outputs_at(problem(), ends, torch.lerp(*torch.tensor([piece.start, piece.end]).double(), s))
            assert bool((losses_of(problem(), z).mean(1) <= torch.lerp(*torch.tensor(piece.ends).double(), s)).all())
            wrong = (z.argmax(-1) != problem().data.train.y).sum(1)
            assert int(wrong.max()) <= piece.wrong
    assert proven().error_level is not None


def test_what_is_said_to_be_reached_is_reached() -> None:
    assert proven().max_train_loss <= largest_seen(path(), 4001) * (1 + 1e-6)
    assert proven().max_train_loss >= 0.99 * largest_seen(path())


def test_lines_of_frozen_samples_are_met_at_the_points_that_parts_begin_at() -> None:
    """Ends of stored pieces may be any numbers: equal parts of a short piece do not begin at equal steps."""
    search = Search(problem(), path().knots[:2], Target(0.05, 1.0), Budget())
    a = 0.3
    b = a + 5 * 2.0**-54
    nothing = torch.empty(0, dtype=torch.long)
    piece = _Open(a, b, inf, active=nothing, base=(0.0, 1.0), parts=2)
    search.target.below, search.target.slack = 10.0, 0
    list(search.split_up(piece))
    (first, _) = search.accepted
    assert first.ends[1] == pytest.approx((first.end - a) / (b - a), rel=1e-6)


@pytest.mark.parametrize("text", NETWORKS)
@pytest.mark.parametrize("size", [1e-6, 1e-2, 1.0])
def test_what_the_first_editions_call_bounded_is_granted_as_enclosed(text: str, size: float) -> None:
    for k in range(1, problem_of(text).layered.depth + 1):
        start, end = moved(text, k, size, k)
        verdict = decide(start.problem, segment(start, end, Claim("bounded")))
        assert verdict.granted is Claim.ENCLOSED, verdict.reason
    certificate = examine(start.problem, Path.line(start.theta, end.theta, Claim.ENCLOSED)).certificate
    assert certificate.kind == "enclosed"
    assert isfinite(certificate.level)


def test_a_path_is_of_the_kind_of_its_weakest_segment() -> None:
    start, end = moved("fcn:6-5", 3, 0.1)
    here = start.problem
    far = end.theta + 0.1 * torch.sin(torch.arange(len(end.theta)).double())
    whole = Path.line(start.theta, end.theta, Claim.CONVEX).then(far, Claim.SAMPLED)
    assert examine(here, whole).certificate.kind == "sampled"
    found = examine(here, whole, wanted=Wanted(0.05))
    assert found.certificate.kind == "enclosed"
    assert [str(one.granted) for one in found.certificate.verdicts] == ["convex", "enclosed"]
    assert list(proof_of(found).enclosures) == [1]
    assert found.error_level is None, "of the convex segment nothing is known"


def test_a_piece_is_as_high_as_its_higher_end() -> None:
    assert Piece(0.0, 1.0, (0.25, 0.5), 3).bound == 0.5
