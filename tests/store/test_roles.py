"""What models are for: helpers are in no list unless it is asked for by role."""

import io
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from store import Catalogue, Models, count_rows, list_rows, write_csv
from store.errors import FilterError
from store.first_rows import glance
from store.listing import every_id, list_ids
from store.models import ROLES
from store.pairs import ProblemModels, models_in, problems
from tests.store.filling import finished_run

PROBLEM = {"architecture": "a", "data_fingerprint": "d", "loss": "square"}


def add_one_of_each(session: Session) -> dict[str, int]:
    """Ids by role."""
    run_id = finished_run(session)
    return {role: Models(session).add(run_id, {**PROBLEM, "role": role, "position": i}) for i, role in enumerate(ROLES)}


@pytest.mark.parametrize(
    ("where", "roles"),
    [
        ("", {"trained", "imported", "aligned", "merged"}),
        ("loss=square", {"trained", "imported", "aligned", "merged"}),
        ("role=helper", {"helper"}),
        ("role!=trained", {"imported", "aligned", "merged", "helper"}),
        ("role=helper,merged loss=square", {"helper", "merged"}),
    ],
)
def test_lists_leave_helpers_out_unless_they_are_asked_for(session: Session, where: str, roles: set[str]) -> None:
    known = add_one_of_each(session)
    wanted = {known[role] for role in roles}
    assert {row["id"] for row in list_rows(session, "models", where)} == wanted
    assert {row["role"] for row in list_rows(session, "models", where)} == roles
    assert set(list_ids(session, "models", where, "-id", None)) == wanted
    assert count_rows(session, "models", where) == len(wanted)
    written = io.StringIO()
    assert write_csv(session, "models", written, where) == len(wanted)
    assert "role" in written.getvalue().splitlines()[0].split(",")


def test_a_screen_leaves_helpers_out_from_the_first_look_on(tmp_path: Path) -> None:
    with Catalogue.open(tmp_path / "c.db") as catalogue:
        with catalogue.write() as session:
            known = add_one_of_each(session)
        with catalogue.read() as session:
            ids = list(every_id(session, "models"))
        assert known["helper"] not in ids
        assert len(ids) == len(ROLES) - 1
        assert sorted(row["id"] for row in glance(catalogue.path, "models", (), 99)) == ids


@pytest.mark.parametrize(
    ("where", "roles"),
    [(None, {"trained", "imported"}), ("role!=helper", set(ROLES) - {"helper"}), ("role=merged", {"merged"})],
)
def test_matrices_are_of_models_that_stand_for_themselves(session: Session, where: str | None, roles: set[str]) -> None:
    known = add_one_of_each(session)
    (problem,) = problems(session, where)
    assert problem == ProblemModels(None, None, "square", "a", "d", len(roles))
    assert models_in(session, problem, where, 99) == sorted(known[role] for role in roles)


def test_a_model_is_trained_unless_it_says_otherwise_and_other_roles_are_refused(session: Session) -> None:
    model_id = Models(session).add(finished_run(session), {})
    assert Models(session).get(model_id).role == "trained"
    with pytest.raises(FilterError, match="write one of trained, imported, aligned, merged, helper"):
        list_rows(session, "models", "role=bead")
