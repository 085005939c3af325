"""Certificates as people see them: listed, shown with their path and their run, and made again."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from commanding import Run, add
from piloting import Sitting, play
from showing import play as stage
from sqlalchemy import update
from textual.pilot import Pilot
from textual.widgets import Static

from core.engine.client import Client
from core.path import Path as KnotPath
from core.specs.kinds import inputs_of
from core.specs.runs import Certify, PathRef, from_json
from core.studies.plan import Planned
from store import Catalogue, Certificates, Models, Runs, show_row
from store.base import table
from tui.app.screens.launch import LaunchScreen
from tui.cli.study_report import outcomes
from tui.shared.details import Link, read
from tui.shared.summaries import certificate_facts, path_facts


@pytest.fixture
def certified(seeded: Path) -> Path:
    """Run 6 proved of path 1 what was only seen, run 7 found less, run 8 waits for what run 3 makes."""
    with Catalogue.open(seeded) as catalogue:
        with catalogue.write() as session:
            Runs(session).request_cancel([5])
        for state, kind, level in (("done", "exact", 0.03), ("failed", "sampled", 0.5)):
            run_id = add(catalogue, Certify(path=PathRef(run=2)), state, "could not certify")
            found = {"path_id": 1, "kind": kind, "level": level, "seen": 0.02, "residual": 0.0, "pieces": 1}
            with catalogue.write() as session:
                Certificates(session).add(run_id, found)
        add(catalogue, Certify(path=PathRef(run=3)), "queued")
    return seeded


def test_a_path_shows_the_strongest_and_lists_all(certified: Path, thalweg: Run) -> None:
    shown = json.loads(thalweg("show", "path", 1, "--json").out)
    assert [(one["id"], one["kind"], one["level"], one["run_id"]) for one in shown["certificates"]] == [
        (3, "exact", 0.03, 6),
        (1, "sampled", 0.02, 2),
        (4, "sampled", 0.5, 7),
    ]
    assert (shown["certificate"], shown["certified"], shown["level"], shown["max_train_loss"]) == (
        "exact",
        True,
        0.03,
        0.02,
    )
    assert shown["excess"] == pytest.approx(0.015)
    listed = [line.split()[:5] for line in thalweg("list", "certificates", "--where", "path=1").out.splitlines()]
    assert listed[1:] == [
        ["1", "1", "sampled", "0.02", "0.02"],
        ["3", "1", "exact", "0.03", "0.02"],
        ["4", "1", "sampled", "0.5", "0.02"],
    ]
    assert "certificates" in thalweg("show", "path", 1).out


def test_a_run_that_certifies_is_told_by_its_path(certified: Path, thalweg: Run) -> None:
    listed = {line.split()[0]: line for line in thalweg("list", "runs").out.splitlines()}
    assert "certify path 1, fcn:8" in listed["6"]
    assert "finding" in listed["7"]
    assert "certify path 2, fcn:8" in listed["8"]
    shown = json.loads(thalweg("show", "run", 6, "--json").out)
    assert [one["id"] for one in shown["certificates"]] == [3]
    assert shown["spec"]["run"]["path"] == {"run": 2}
    compared = thalweg("compare", "runs", 6, 7).out
    assert ["level", "0.03", "0.5"] in [line.split() for line in compared.splitlines()]


def test_the_pane_leads_from_a_certifying_run_to_its_path_and_back(certified: Path) -> None:
    with Catalogue.open(certified) as catalogue:
        client = Client(catalogue)
        run, path, connect = read(client, "runs", 6), read(client, "paths", 1), read(client, "runs", 2)
    assert run.spec == "thalweg certify 1"
    assert run.title == "run 6: certify path 1, fcn:8"
    assert ("certificate 3", "exact, level 0.03, of path 1") in run.facts
    assert run.links == (Link("certified path", "paths", 1),)
    assert ("certificate 3", "exact, level 0.03, by run 6") in path.facts
    assert [one for one in path.links if one.relation == "certified by run"] == [
        Link("certified by run", "runs", 6),
        Link("certified by run", "runs", 7),
    ]
    assert not [name for name, _ in connect.facts if name.startswith("certificate")]


def test_what_is_proven_of_the_penalised_loss_is_said_where_it_is_known(certified: Path, thalweg: Run) -> None:
    said = ("train loss + 0.1 |W|^2 (nowhere higher)", "0.04")
    known = {"penalised_level": 0.04, "ridge": 0.1, "l1": 0.0}
    with Catalogue.open(certified) as catalogue:
        assert "nowhere higher" not in " ".join(dict(read(Client(catalogue), "paths", 2).facts))
        with catalogue.write() as session:
            session.execute(update(table("paths")).where(table("paths").c.id == 1).values(known))
        assert said in read(Client(catalogue), "paths", 1).facts
    compared = [line.split() for line in thalweg("compare", "paths", 1, 2).out.splitlines()]
    assert ["penalised_level", "0.04", "-"] in compared
    assert ["ridge", "0.1", "-"] in compared


def test_a_study_has_the_certificates_that_its_runs_left(certified: Path) -> None:
    with Catalogue.open(certified) as catalogue:
        with catalogue.read() as session:
            run = Runs(session).get(6)
        (outcome,) = outcomes(Client(catalogue), [Planned(Certify(path=PathRef(path=1)))], [run])
    assert [(row["kind"], row["level"], row["cause"]) for row in outcome.made] == [("exact", 0.03, None)]


def test_models_whose_role_is_helper_are_on_the_screen_only_where_asked_for(seeded: Path, thalweg: Run) -> None:
    with Catalogue.open(seeded) as catalogue, catalogue.write() as session:
        Models(session).add(1, {"position": 2, "role": "helper", "name": "a-bead"})
    assert [row["id"] for row in json.loads(thalweg("list", "models", "--json").out)] == [1, 2]
    (helper,) = json.loads(thalweg("list", "models", "--where", "role=helper", "--json").out)
    assert (helper["name"], helper["role"]) == ("a-bead", "helper")
    assert "role" in thalweg("list", "models", "--all-columns").out.splitlines()[0]

    async def use(one: Sitting) -> None:
        await one.press("2")
        await one.until(lambda: one.ids == [2, 1])
        await one.press("/", *"role=helper", "enter")
        await one.until(lambda: one.ids == [3])

    play(seeded, use)


def test_what_is_no_path_is_refused_in_one_sentence(seeded: Path, thalweg: Run) -> None:
    refused = thalweg("certify", "run:1")
    assert (refused.status, "run:1 is not a path: run 1, a train, makes none" in refused.err) == (2, True)
    assert "'x' is not a path id. Give a number" in thalweg("certify", "x").err
    assert "There is no path 99" in thalweg("certify", 99).err


@pytest.fixture
def kept(seeded: Path) -> Path:
    """Models and paths have tensors."""
    KnotPath.chain([torch.zeros(3), torch.ones(3)]).save(seeded.parent / "path.safetensors")
    with Catalogue.open(seeded) as catalogue, catalogue.write() as session:
        artifact = catalogue.artifacts.put(seeded.parent / "path.safetensors", session, "path")
        for kind in ("models", "paths"):
            session.execute(update(table(kind)).values(artifact=artifact))
    return seeded


def test_several_paths_are_certified_each_in_a_run_of_its_own(kept: Path, thalweg: Run) -> None:
    def asked() -> list[tuple[int, str]]:
        with Catalogue.open(kept) as catalogue, catalogue.read() as session:
            return [(run.id, str(inputs_of(from_json(run.spec))[0])) for run in Runs(session).existing(range(6, 20))]

    planned = json.loads(thalweg("certify", 1, 2, 1, "-o", "slack=0.02", "--dry-run", "--json").out)
    assert [from_json(one["spec"]) for one in planned] == [Certify(path=PathRef(path=i), slack=0.02) for i in (1, 2)]
    assert asked() == []
    said = thalweg("certify", "--where", "id<9", "--detach")
    assert (said.status, said.out) == (0, "run:6\nrun:7\n")
    assert sorted(path for _, path in asked()) == ["1", "2"]
    assert thalweg("certify", 1, 99, "--detach").status == 2
    assert thalweg("certify", 1, "--where", "id<9").status == 2
    assert thalweg("certify").status == 2
    idle = thalweg("certify", "--where", "id>9", "--dry-run")
    assert (idle.status, idle.out, idle.err) == (0, "", "No path is chosen.\n")
    none = thalweg("certify", "--where", "id>9", "--json")
    assert (none.status, json.loads(none.out)) == (0, [])
    assert len(asked()) == 2, "nothing is enqueued where one is refused"


def test_a_form_on_marked_paths_enqueues_a_run_for_each(kept: Path) -> None:
    said = []

    async def launch(pilot: Pilot[Any]) -> None:
        said.append(str(pilot.app.screen.query_one("#command", Static).content))
        await pilot.press("ctrl+s")

    app = stage(kept, lambda client: LaunchScreen(client, "certify", {"path": "1 2"}), launch)
    assert app.answers == [[6, 7]]
    assert said[0].startswith("$ thalweg certify 1 2")


@pytest.mark.parametrize(
    ("seen", "said"), [(0.0572, "seen below, but not proven"), (0.07, "not connected"), (None, "not connected")]
)
def test_a_threshold_that_was_kept_and_not_proven_is_told_apart_from_one_that_was_not_kept(
    certified: Path, seen: float | None, said: str
) -> None:
    values = {"on": "train_loss", "threshold": 0.06, "connected": False, "max_train_loss": seen}
    with Catalogue.open(certified) as catalogue:
        with catalogue.write() as session:
            session.execute(update(table("paths")).where(table("paths").c.id == 2).values(values))
        assert ("threshold", f"0.06 on the train loss: {said}") in read(Client(catalogue), "paths", 2).facts


def test_what_is_proven_of_the_test_set_is_in_the_reports_of_paths_and_certificates(certified: Path) -> None:
    levels = {"test_level": 0.3936, "test_error_level": 0.125}
    said = {("test loss (nowhere higher)", "0.3936"), ("test error (nowhere higher)", "0.125")}
    with Catalogue.open(certified) as catalogue, catalogue.write() as session:
        for kind in ("paths", "certificates"):
            session.execute(update(table(kind)).values(levels))
        assert said <= set(path_facts(show_row(session, "path", 1)))
        assert said <= set(certificate_facts(vars(Certificates(session).of(1)[0])))


def test_the_report_of_a_certificate_has_what_its_proof_cost_and_how_tight_it_is(certified: Path) -> None:
    with Catalogue.open(certified) as catalogue, catalogue.write() as session:
        one = vars(Certificates(session).of(1)[0])
    facts = dict(certificate_facts({**one, "kind": "enclosed", "slack": 0.0042, "passes": 76}))
    assert (facts["level above what was seen (slack)"], facts["passes over the train set"]) == ("0.0042", "76")
    assert facts["certificate"] == "enclosed: proven nowhere above the level, and it reaches what was seen"
    assert "level above what was seen (slack)" not in dict(certificate_facts({**one, "slack": None}))
