"""Every certificate of a path is kept, and the path shows the strongest."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf
from pathlib import Path as File

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from core import verification
from store import Catalogue, Certificates, Models, Paths, Runs, StoreError, delete, prune, show_row
from store.base import table
from store.certificates import STRENGTHS
from tests.store.filling import enqueue, finished_run

LEVELS = [None, 0.25, 0.5, 0.5, 1.0, inf]
SHOWN = ("certificate", "level", "certified", "drift", "residual", "excess")


def path(session: Session, **values: object) -> int:
    """A path between two models with losses 0.25 and 0.125."""
    made = finished_run(session)
    a, b = (Models(session).add(made, {"position": place}) for place in (0, 1))
    ends = {"model_a": a, "model_b": b, "train_loss_a": 0.25, "train_loss_b": 0.125}
    return Paths(session).add(finished_run(session, kind="connect"), {**ends, **values}, [{"kind": "straight"}], [])


def certify(
    session: Session,
    path_id: int,
    kind: str | None,
    level: float | None,
    segments: Sequence[Mapping[str, object]] = (),
    **others: object,
) -> int:
    run_id = finished_run(session, kind="certify")
    return Certificates(session).add(run_id, {"path_id": path_id, "kind": kind, "level": level, **others}, segments)


def shown(session: Session, path_id: int) -> tuple[object, ...]:
    one = Paths(session).get(path_id)
    return tuple(getattr(one, name) for name in SHOWN)


def best_by_search(tries: list[tuple[str | None, float | None]]) -> tuple[str | None, float | None]:
    """The rule in words: the kind first, then of a proof the lowest level, then the oldest."""

    def worth(place: int) -> tuple[float, ...]:
        kind, level = tries[place]
        proven = kind in ("exact", "identity") and level is not None
        return (STRENGTHS.index(kind) if kind else len(STRENGTHS), level if proven else inf, not proven, place)

    return tries[min(range(len(tries)), key=worth)]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([None, *STRENGTHS]), st.sampled_from(LEVELS)), min_size=1, max_size=6))
def test_a_path_shows_the_strongest_whatever_the_order(
    tmp_path_factory: pytest.TempPathFactory, tries: list[tuple[str | None, float | None]]
) -> None:
    with Catalogue.open(tmp_path_factory.mktemp("c") / "c.db") as catalogue, catalogue.write() as session:
        first, *others = tries
        path_id = path(session, certificate=first[0], level=first[1])
        for kind, level in others:
            certify(session, path_id, kind, level)
        assert shown(session, path_id)[:2] == best_by_search(tries)
        known = [(one.kind, one.level) for one in Certificates(session).of(path_id)]
        assert sorted(known, key=str) == sorted(tries, key=str)
        assert known[0] == best_by_search(tries)


def test_a_stronger_one_brings_all_that_follows_from_it(session: Session) -> None:
    path_id = path(session, certificate="sampled", level=0.5, certified=False, max_train_loss=0.5)
    certify(session, path_id, "exact", 0.75, drift=0.125, residual=1e-9, seen=0.5, pieces=7)
    assert shown(session, path_id) == ("exact", 0.75, True, 0.125, 1e-9, 0.5)
    assert Paths(session).get(path_id).max_train_loss == 0.5


@pytest.mark.parametrize(("threshold", "connected"), [(0.75, True), (0.625, False), (None, None)])
def test_a_stronger_one_is_judged_by_the_threshold(
    session: Session, threshold: float | None, connected: bool | None
) -> None:
    before = None if threshold is None else True
    values = {"certificate": "sampled", "level": 0.5, "on": "train_loss", "threshold": threshold, "connected": before}
    path_id = path(session, **values)
    certify(session, path_id, "exact", 0.75)
    assert Paths(session).get(path_id).connected is connected


@pytest.mark.parametrize(("kind", "level"), [("sampled", 0.25), ("identity", 0.25), ("exact", 0.75), ("exact", 0.5)])
def test_a_weaker_one_changes_nothing_and_is_listed(session: Session, kind: str, level: float) -> None:
    path_id = path(session, certificate="exact", level=0.5, certified=True, drift=0.0, residual=0.0, excess=0.25)
    before = shown(session, path_id)
    added = certify(session, path_id, kind, level)
    assert shown(session, path_id) == before
    found = show_row(session, "path", path_id)["certificates"]
    assert isinstance(found, list)
    assert [one["id"] for one in found] == [1, added]


def test_what_was_only_seen_is_no_better_for_being_lower(session: Session) -> None:
    path_id = path(session, certificate="sampled", level=0.5, max_train_loss=0.5)
    certify(session, path_id, "sampled", 0.25)
    assert shown(session, path_id)[:2] == ("sampled", 0.5)


def test_a_path_that_an_agent_of_before_certificates_left_gets_its_first_when_it_gets_another(session: Session) -> None:
    path_id = path(session, certificate="exact", level=0.5, max_train_loss=0.25, drift=0.0, residual=0.0)
    first = Certificates(session).of(path_id)
    session.execute(table("certificates").delete())
    certify(session, path_id, "sampled", 0.25)
    assert shown(session, path_id)[:2] == ("exact", 0.5)
    again, _ = Certificates(session).of(path_id)
    assert replace(again, id=first[0].id) == first[0]


def test_the_same_result_twice_is_one_row(session: Session) -> None:
    path_id = path(session, certificate="sampled", level=0.5)
    run_id = finished_run(session, kind="certify")
    for level in (0.25, 0.125):
        Certificates(session).add(run_id, {"path_id": path_id, "kind": "exact", "level": level})
    assert [one.level for one in Certificates(session).of(path_id)] == [0.25, 0.5]
    with pytest.raises(ValueError, match="colour"):
        Certificates(session).add(run_id, {"path_id": path_id, "colour": 3})


def test_certificates_go_with_their_path_and_hold_their_run(session: Session) -> None:
    path_id = path(session, certificate="sampled", level=0.5)
    certify(session, path_id, "exact", 0.25)
    with pytest.raises(StoreError, match=f"the path {path_id} has a certificate made by it; delete that first"):
        delete(session, "run", [3])
    delete(session, "path", [path_id])
    assert Certificates(session).of(path_id) == []
    delete(session, "run", [3])
    assert enqueue(session) == 4
    assert [one.id for one in Runs(session).existing([3])] == []


def test_the_file_of_a_certificate_is_kept_as_long_as_the_certificate(tmp_path: File) -> None:
    (tmp_path / "pieces").write_bytes(b"pieces")
    with Catalogue.open(tmp_path / "c.db") as catalogue:
        with catalogue.write() as session:
            path_id = path(session, certificate="sampled", level=0.5)
            sha256 = catalogue.artifacts.put(tmp_path / "pieces", session, "certificate")
            certify(session, path_id, "exact", 0.25, artifact=sha256)
        assert prune(catalogue, young=-1).files == 0
        with catalogue.write() as session:
            delete(session, "path", [path_id])
        assert prune(catalogue, young=-1).files == 1


def test_the_checker_and_the_catalogue_agree_on_what_is_stronger() -> None:
    assert verification.STRENGTHS == STRENGTHS


def test_segments_say_what_the_certificate_that_the_path_shows_found(session: Session) -> None:
    before = {"verdict": "enclosed", "reason": "on 2 pieces", "bound": 0.5, "seen": 0.25, "pieces": 2, "residual": 0.0}
    path_id = path(session, certificate="enclosed", level=0.5)
    session.execute(table("segments").update().values({**before, "certificate": "enclosed", "claim": "sampled"}))

    def found(**values: object) -> list[dict[str, object]]:
        return [{**before, "certificate": "enclosed", "position": 0, **values}]

    def now() -> tuple[object, ...]:
        (one,) = Paths(session).segments(path_id)
        assert (one.kind, one.claim) == ("straight", "sampled"), "what it is does not change"
        return one.certificate, one.verdict, one.reason, one.bound, one.seen, one.pieces

    stronger = found(bound=0.375, seen=0.375, pieces=7, reason="on 7 pieces")
    certify(session, path_id, "enclosed", 0.375, segments=stronger)
    assert now() == ("enclosed", "enclosed", "on 7 pieces", 0.375, 0.375, 7)
    weaker = found(bound=0.4375, reason="on 3 pieces")
    certify(session, path_id, "enclosed", 0.4375, segments=weaker)
    certify(session, path_id, "sampled", 0.1, segments=found(certificate="sampled", verdict="refused", bound=None))
    certify(session, path_id, "enclosed", 0.375, segments=found(pieces=1))
    assert now() == ("enclosed", "enclosed", "on 7 pieces", 0.375, 0.375, 7)
    certify(session, path_id, "enclosed", 0.3125)
    assert now()[3] == 0.375, "an agent of an older version says nothing of segments"


def test_a_path_shows_the_factors_of_the_penalised_level_that_it_shows(session: Session) -> None:
    path_id = path(session, certificate="exact", level=0.5, drift=0.0, penalised_level=0.6, ridge=0.1, l1=0.0)
    certify(session, path_id, "exact", 0.75, drift=0.0, penalised_level=0.9, ridge=0.0, l1=2.0)
    before = Paths(session).get(path_id)
    assert (before.penalised_level, before.ridge, before.l1) == (0.6, 0.1, 0.0)
    certify(session, path_id, "exact", 0.375, drift=0.0, penalised_level=0.9, ridge=0.0, l1=2.0)
    after = Paths(session).get(path_id)
    assert (after.penalised_level, after.ridge, after.l1) == (0.9, 0.0, 2.0)
