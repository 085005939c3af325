"""Strings that have to be proven: a line without a proof below the threshold is a gap."""

import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path as File

import pytest
import torch
from safetensors.torch import load_file, save_file

from core.certify.enclosed import Prover, Wanted
from core.certify.enclosed.goal import Budget, Target
from core.certify.enclosed.search import Search
from core.certify.knots import points64
from core.errors import PremiseError
from core.examination import examine
from core.methods.connect import Connection, connect, failure_of
from core.methods.method import Task
from core.methods.string.lines import proven_line
from core.path import Claim, Path
from core.problem import Problem
from core.profile import peaks
from core.progress import SilentReporter
from core.specs.methods import String
from tests.certify.enclosing import drawn_ends, losses_of, outputs_at, problem_with
from tests.certify.test_enclosed_traps import point, problem_on
from tests.core.test_methods import BELOW, QUICK, Keeping, Left, task, with_

__all__ = ["task"]  # the fixture

MANY = torch.linspace(0, 1, 501, dtype=torch.float64)


class Log(SilentReporter):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def proven(options: String, given: Task, passes: float = torch.inf) -> Connection:
    return connect(options, given, wanted=Wanted(0.05, passes), must_prove=True)


@pytest.fixture(scope="module")
def log() -> Log:
    return Log()


@pytest.fixture(scope="module")
def string(task: Task, log: Log) -> Connection:
    return proven(QUICK, with_(task, reporter=log))


def test_a_string_that_connects_is_proven_below_its_threshold(task: Task, string: Connection) -> None:
    certificate, path = string.examination.certificate, string.construction.path
    assert string.failure is None
    assert (certificate.kind, {one.granted for one in certificate.verdicts}) == ("enclosed", {Claim.ENCLOSED})
    assert certificate.level <= BELOW
    assert string.examination.max_train_loss <= certificate.level
    assert task.problem.losses(path.points(torch.linspace(0, 1, 2003, dtype=torch.float64))).max() <= certificate.level
    alone = examine(task.problem, path, wanted=Wanted(0.05, below=BELOW))
    assert alone.certificate.kind == "enclosed", "a checker that remembers nothing says the same"


def test_what_was_proven_while_the_string_grew_is_not_proven_again(task: Task, string: Connection, log: Log) -> None:
    proof = string.examination.proof
    assert proof is not None
    grown = sum(map(float, re.findall(r"\((\d+) passes\)", log.text)))
    alone = examine(task.problem, string.construction.path, wanted=Wanted(0.05, below=BELOW)).proof
    assert alone is not None
    assert 0 < grown <= proof.passes + 10, "those count as well"
    assert proof.passes - grown < 0.7 * alone.passes


@pytest.mark.usefixtures("string")  # which fills the log
def test_a_counterexample_is_named_with_its_own_t(task: Task, log: Log) -> None:
    told = re.fullmatch(r"Line 1 of 1: a counterexample at t = (.+), where the loss is (.+)\.", log.lines[1])
    assert told is not None, log.lines[1]
    t, loss = map(float, told.groups())
    there = float(task.problem.losses(torch.lerp(task.a, task.b, t)[None]))
    assert there > BELOW
    assert loss <= there * 1.001


def test_a_spike_between_the_points_of_a_grid_is_a_gap_only_where_there_must_be_a_proof() -> None:
    """relu(1 - |w|) with w = (t - 0.1234567) / 5e-5: one sample, 1e-4 wide, and 20 high."""
    at, width = 0.1234567, 5e-5
    start, end = -at / width, (1 - at) / width
    problem = problem_on([[1]], [0], (2, 1))
    above = (([[-1, -1]], [1.0]), ([[-20], [0]], [3.0, 0]))
    ends = [point(([[one], [-one]], [0, 0]), *above) for one in (start, end)]
    log = Log()
    given, options = Task(*ends, problem, 0.1, reporter=log), String(beads=0, epochs=2000)
    assert connect(options, given).failure is None, "a grid sees nothing of it"
    found = proven(options, given)
    assert "1 gap left" in (found.failure or "")
    t = float(re.findall(r"Line 1 of 1: a counterexample at t = ([\d.e-]+), where the loss", log.text)[0])
    assert abs(t - at) < width
    assert float(losses_of(problem, outputs_at(problem, torch.stack(ends), torch.tensor([t]).double()))) > 0.1


def test_lines_that_a_full_look_finds_too_high_are_gaps_and_all_others_are_proven(
    task: Task, string: Connection
) -> None:
    knots = string.construction.path.knots
    for i, j in combinations(range(len(knots)), 2):
        full = peaks(task.problem, knots[[i]], knots[[j]], "train-loss", QUICK.grid)
        found = proven_line(task.problem, knots[[i, j]], QUICK, BELOW, Prover(task.problem), lambda _: None)
        assert found.gap == ("seen" if float(full.value) > BELOW else None), found.told


def test_a_line_whose_proof_would_take_too_long_is_halved(task: Task) -> None:
    """Just above a line's maximum there is room for no bound that is worth its passes."""
    top = float(peaks(task.problem, task.a[None], task.b[None], "train-loss", QUICK.grid).value)
    log = Log()
    given = with_(task, below=top * (1 + 2e-5), reporter=log)
    assert connect(QUICK, given).construction.beads == 0, "nothing that is seen is too high"
    found = proven(QUICK.changed({"epochs": "33"}, "string"), given)
    assert "Line 1 of 1: not proven to stay below 0.5128: " in log.text
    assert found.failure is None, log.text
    assert found.construction.beads > 0
    assert found.examination.certificate.level <= top * (1 + 2e-5)


def test_a_string_without_passes_left_is_a_finding_and_grows_no_further(task: Task) -> None:
    found = proven(QUICK, task, passes=30)
    assert (found.failure or "").startswith("could not prove: segment ")
    assert found.examination.proof is not None
    assert found.examination.proof.passes < 70, "a trial may be the last to be paid"
    assert not found.examination.certificate.certified


def test_beads_at_the_maximum_start_where_a_full_look_finds_it(task: Task) -> None:
    log = Log()
    made = proven(QUICK.changed({"at": "maximum", "order": "greedy"}, "string"), with_(task, reporter=log))
    assert made.failure is None
    top = peaks(task.problem, task.a[None], task.b[None], "train-loss", QUICK.grid)
    assert f"Bead 1, in the gap of {float(top.value):.4g} at t = {float(top.t):.3g}, " in log.text


def test_a_string_that_has_to_be_proven_goes_on_from_its_beads(task: Task, tmp_path: File) -> None:
    file = tmp_path / "beads.safetensors"
    first = proven(QUICK.changed({"beads": "1"}, "string"), with_(task, reporter=Keeping(file)))
    assert (first.failure or "").count("left, worst")
    second = proven(QUICK, with_(task, reporter=Left(file)))
    assert second.failure is None
    assert (second.construction.path.knots == first.construction.path.knots[1]).all(1).any()


def test_other_ways_to_prove_change_nothing_of_how_a_string_grows(task: Task) -> None:
    strings = [connect(QUICK, task, wanted=wanted) for wanted in (None, Wanted(0.05))]
    assert torch.equal(strings[0].construction.path.knots, strings[1].construction.path.knots)
    assert strings[0].construction.passes == strings[1].construction.passes


def test_a_prover_remembers_a_line_by_its_very_ends_and_data() -> None:
    problem = problem_with("cross-entropy", "relu", widths=(5,), samples=20)
    ends = torch.stack([torch.linspace(-1, 1, problem.layout.total).double()] * 2)
    ends[1] += 0.1
    prover = Prover(problem)
    found = prover.judge(points64(problem, ends), 5.0, (0.5, 1.0), 1000)
    assert (found.reason, found.above) == (None, None)

    def recalled(other: torch.Tensor) -> int:
        search = Search(problem, other, Target(0.0, 1.0, 5.0), Budget())
        prover.remind(search)
        return len(search.accepted)

    nudged = ends.clone()
    nudged[1, 0] = torch.nextafter(nudged[1, 0], nudged[1, 0] + 1)
    assert (recalled(ends), recalled(nudged)) == (found.pieces, 0)
    assert prover.knows(problem)
    assert not prover.knows(problem.on_first(19))
    assert not prover.knows(problem_with("cross-entropy", "relu", widths=(5,), samples=20))


def test_the_log_of_a_constrained_string_says_of_every_line_of_its_last_level_what_it_is(task: Task) -> None:
    log = Log()
    found = proven(QUICK.changed({"order": "constrained", "stages": "2"}, "string"), with_(task, reporter=log))
    assert found.failure is None, log.text
    first, last = (i for i, line in enumerate(log.lines) if line.startswith("Level "))
    assert not any(line.startswith("Line ") for line in log.lines[:first]), "nothing is proven of a level above"
    lines = len(found.construction.path)
    told = log.lines[last - lines : last]
    assert [line.split(": ")[0] for line in told] == [f"Line {i} of {lines}" for i in range(1, lines + 1)]
    assert all(": proven not to exceed 0.3 on " in line for line in told)


def test_a_string_that_goes_on_remembers_what_it_has_cost(task: Task, tmp_path: File) -> None:
    file = tmp_path / "beads.safetensors"
    first = connect(QUICK, with_(task, reporter=Keeping(file)), wanted=Wanted(0.05))
    again = connect(QUICK, with_(task, reporter=Left(file)), wanted=Wanted(0.05))
    lines = len(again.construction.path)
    assert again.construction.passes == first.construction.passes + lines * QUICK.grid, "all lines are looked at again"
    tensors = load_file(file)
    del tensors["passes"]
    save_file(tensors, file)
    old = connect(QUICK, with_(task, reporter=Left(file)), wanted=Wanted(0.05))
    assert old.construction.passes == lines * QUICK.grid, "files of before say nothing of that"


def test_what_was_spent_on_proofs_counts_when_a_string_goes_on(task: Task, tmp_path: File) -> None:
    file = tmp_path / "beads.safetensors"
    proven(QUICK.changed({"beads": "1"}, "string"), with_(task, reporter=Keeping(file)))
    spent = float(load_file(file)["passes"][1])
    log = Log()
    later = with_(task, reporter=Left(file))
    later.reporter.say = log.say
    found = proven(QUICK, later, passes=spent)
    assert (spent > 0, found.failure is not None) == (True, True)
    assert "no passes are left" in log.text


def fitted(seed: int) -> tuple[Problem, torch.Tensor]:
    """One sample, and two networks whose hinge loss is exactly 0."""
    problem = problem_with("hinge", "relu", widths=(6,), samples=1, seed=seed)
    return problem, 10 * drawn_ends(problem, seed, 0.0, 0.01)


@pytest.mark.parametrize("below", [0.0, 1e-13, 1e-12, 1e-11, 1e-6])
def test_what_is_proven_not_to_exceed_a_threshold_has_no_bound_above_it(below: float) -> None:
    """Bounds are at least 1e-12, and what was seen may be as high as the threshold itself."""
    problem, ends = next(one for one in map(fitted, range(500)) if float(one[0].losses(one[1]).max()) == 0)
    prover = Prover(problem)
    judged = prover.judge(ends, below, (0.0, 0.0), 500)
    search = Search(problem, ends, Target(0.0, -1.0, 1.0), Budget())
    prover.remind(search)
    assert (judged.reason is None) == (len(search.accepted) > 0 and not search.left and search.bound <= below)
    assert (judged.reason is None) == (below >= 1e-12)


def test_models_without_loss_need_a_threshold(task: Task) -> None:
    problem, ends = next(one for one in map(fitted, range(500)) if float(one[0].losses(one[1]).max()) == 0)
    given = Task(*ends, problem, None)
    with pytest.raises(PremiseError, match=r"the threshold is above 0, but .* give --below\.$") as caught:
        proven(String(), given)
    assert "\n" not in str(caught.value)
    found = proven(String(), Task(*ends, problem, 1e-6))
    assert found.failure is None
    assert found.examination.max_train_loss == 0, "no loss is negative"
    assert 0 <= found.examination.certificate.level <= 1e-6


def test_a_threshold_on_the_test_loss_is_proven_where_that_is_asked_for(task: Task) -> None:
    on_test = QUICK.changed({"on": "test-loss"}, "string")
    wanted = Wanted(0.05, test=True)
    found = connect(on_test, task, wanted=wanted, must_prove=True)
    proof = found.examination.on_test
    assert found.failure is None
    assert proof is not None
    assert float(task.problem.values(found.construction.path.points(MANY), "test").loss.max()) <= proof.level <= BELOW
    tight = replace(found.construction, below=proof.level / 1.001)
    seen = float(found.examination.profile.test.loss.max())  # type: ignore[union-attr]
    said = failure_of(tight, found.examination, must_prove=True)
    assert said is not None
    assert ("is not proven to stay below" in said) == (seen <= proof.level / 1.001)
    nothing = replace(found.examination, on_test=None)
    assert failure_of(found.construction, nothing, must_prove=True) == (
        "could not prove: of the test loss, nothing can be proven: the path has curves, or no finite test loss"
    )


def test_the_test_loss_of_an_exact_path_is_proven_too(task: Task) -> None:
    exact = Path.line(task.a, task.a, Claim.INVARIANT)
    found = examine(task.problem, exact, wanted=Wanted(0.05, test=True))
    assert (found.certificate.kind, found.proof) == ("exact", None)
    assert found.on_test is not None
    loss = float(task.problem.values(task.a[None], "test").loss)
    assert loss * (1 - 1e-9) <= found.on_test.level <= loss * 1.06
    assert examine(task.problem, exact, wanted=Wanted(0.05)).on_test is None
