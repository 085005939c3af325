"""What `thalweg verify` holds against a path: anything that is not as the catalogue has it."""

import math

import pytest

from core.verification import shortcomings

FACTS = {
    "starts_at_a": True,
    "ends_at_b": True,
    "certificate": "exact",
    "level": 0.5,
    "drift": 1e-9,
    "train_loss_a": 0.25,
    "train_loss_b": math.inf,
}
KEPT = {name: FACTS[name] for name in ("certificate", "level", "drift", "train_loss_a", "train_loss_b")}


def test_a_path_that_is_as_it_was_has_none() -> None:
    assert shortcomings(FACTS, KEPT) == []
    assert shortcomings(FACTS, {**KEPT, "train_loss_a": None, "train_loss_b": None}) == []
    assert shortcomings({**FACTS, "train_loss_a": 0.25 + 1e-10}, KEPT) == []


@pytest.mark.parametrize(
    ("name", "now", "sentence"),
    [
        ("starts_at_a", False, "the path does not start at its first model"),
        ("train_loss_a", 0.2500001, "the train loss at its start is 0.2500001 and in the catalogue 0.25"),
        ("train_loss_a", math.nan, "the train loss at its start is nan and in the catalogue 0.25"),
        ("train_loss_b", 2.77, "the train loss at its end is 2.77 and in the catalogue inf"),
        ("level", 0.6, "the level is 0.6, above the 0.5 in the catalogue"),
    ],
)
def test_each_thing_that_differs_is_said(name: str, now: object, sentence: str) -> None:
    assert shortcomings({**FACTS, name: now}, KEPT) == [sentence]


def test_a_level_of_the_first_edition_was_without_drift() -> None:
    now = {**FACTS, "level": 0.75, "drift": 0.25}
    assert shortcomings(now, {**KEPT, "drift": None}) == []
    assert shortcomings(now, KEPT) == ["the level is 0.75, above the 0.5 in the catalogue"]


def test_a_proof_may_be_above_what_was_only_seen_and_not_above_what_was_proven() -> None:
    now = {**FACTS, "certificate": "enclosed", "level": 0.51, "max_train_loss": 0.5}
    assert shortcomings(now, {**KEPT, "certificate": "sampled", "drift": None}) == []
    assert shortcomings(now, {**KEPT, "certificate": "enclosed"}) == [
        "the level is 0.51, above the 0.5 in the catalogue"
    ]
    assert shortcomings({**now, "certificate": "sampled", "drift": None}, {**KEPT, "certificate": "sampled"}) == [
        "the level is 0.51, above the 0.5 in the catalogue"
    ]
