"""The best path known between any two models of a problem, against a search of all paths."""

import random
from pathlib import Path as File
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from store import Catalogue, Models, Paths
from store.pairs import BestPath, ProblemModels, best_paths, models_in, problems
from tests.store.filling import finished_run

LEVELS = [None, 0.1, 0.1, 0.25, 1.0, float("inf")]
CERTIFICATES = [None, "exact", "identity", "sampled"]
RANK = {"exact": 0, "identity": 1, "sampled": 2, None: 3}
METHODS = ["string", "sparse"]


def models(session: Session, count: int, **facts: object) -> list[int]:
    """Models of one problem."""
    about = {"architecture": "a", "data_fingerprint": "d", "loss": "square", "network": "fcn:4", "data": "digits"}
    run_id = finished_run(session)
    return [Models(session).add(run_id, {**about, **facts, "position": place}) for place in range(count)]


def joined(session: Session, a: int, b: int, **facts: object) -> int:
    run_id = finished_run(session, kind="connect")
    return Paths(session).add(run_id, {"model_a": a, "model_b": b, **facts}, [{"kind": "straight"}], [])


def best_by_search(rows: list[dict[str, object]]) -> dict[tuple[int, int], object]:
    """The rule in words: the lowest level, then the stronger certificate, then the lower id."""

    def worth(row: dict[str, object]) -> tuple[object, ...]:
        level = row["level"]
        return (level is None, level if level is not None else 0.0, RANK[row["certificate"]], row["id"])  # type: ignore[index]

    best: dict[tuple[int, int], dict[str, object]] = {}
    for row in rows:
        pair = (min(row["model_a"], row["model_b"]), max(row["model_a"], row["model_b"]))  # type: ignore[type-var]
        if pair not in best or worth(row) < worth(best[pair]):
            best[pair] = row  # type: ignore[index]
    return {pair: row["id"] for pair, row in best.items()}


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 5), st.integers(0, 14), st.integers(0, 2**32), st.sampled_from([None, *METHODS]))
def test_a_search_of_all_finds_the_same_best_path(count: int, many: int, seed: int, method: str | None) -> None:
    draw = random.Random(seed)
    with (
        TemporaryDirectory() as folder,
        Catalogue.open(File(folder) / "c.db") as catalogue,
        catalogue.write() as session,
    ):
        mine = models(session, count)
        other = models(session, 1, architecture="b")[0]
        rows = []
        for _ in range(many):
            a, b = draw.sample([*mine, other], 2)
            facts = {
                "level": draw.choice(LEVELS),
                "certificate": draw.choice(CERTIFICATES),
                "method": draw.choice(METHODS),
            }
            rows.append({"id": joined(session, a, b, **facts), "model_a": a, "model_b": b, **facts})
        chosen = [
            row for row in rows if other not in (row["model_a"], row["model_b"]) and method in (None, row["method"])
        ]
        found = best_paths(session, mine, method)
        assert {(one.model_a, one.model_b): one.path_id for one in found} == best_by_search(chosen)
        assert all(one.model_a < one.model_b for one in found)


def test_a_path_is_given_with_what_was_measured_of_it(session: Session) -> None:
    a, b = models(session, 2)
    facts = {"level": 0.25, "barrier": 0.125, "normalized_length": 1.5, "certificate": "exact"}
    path_id = joined(session, b, a, **facts)
    assert best_paths(session, [b, a]) == [BestPath(a, b, path_id, 0.25, 0.125, 1.5, "exact")]


def test_models_are_of_one_problem_where_architecture_data_and_loss_are_the_same(session: Session) -> None:
    models(session, 2)
    models(session, 3, loss="hinge")
    models(session, 1, data_fingerprint="e")
    models(session, 1, architecture="b", network="fcn:9")
    models(session, 4, architecture=None)  # of before fingerprints were kept
    counts = [(one.loss, one.data_fingerprint, one.architecture, one.count) for one in problems(session)]
    assert counts == [("hinge", "d", "a", 3), ("square", "d", "a", 2), ("square", "e", "a", 1), ("square", "d", "b", 1)]
    assert [one.count for one in problems(session, "network=fcn:9")] == [1]


def test_models_without_a_loss_are_a_problem_of_their_own(session: Session) -> None:
    models(session, 2)
    without = models(session, 2, loss=None)
    problem = ProblemModels("fcn:4", "digits", None, "a", "d", 2)
    assert problem in problems(session)
    assert models_in(session, problem, None, 10) == without
    assert models_in(session, problem, f"id={without[1]}", 10) == without[1:]
    assert models_in(session, problem, None, 1) == without[:1]
