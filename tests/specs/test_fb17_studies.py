"""The studies of Freeman and Bruna 2017 as plans and as findings: numbers worked out by hand, no run."""

from typing import Any

import pytest

from core.specs.runs import Bound, Connect, Train
from core.studies import STUDIES
from core.studies.fb17_cor25 import Setting, falls
from core.studies.plan import Findings, Outcome, Planned


def gaussians(floor: float | None, lowest: list[float], connected: bool = False) -> str:
    outcomes = []
    paths = iter(lowest)
    for planned in STUDIES["fb17-gaussians"].expand("small"):
        made: list[dict[str, Any]] = []
        if isinstance(planned.spec, Bound) and floor is not None:
            made = [{"value": floor, "measurements": []}]
        elif isinstance(planned.spec, Connect) and (value := next(paths, None)) is not None:
            made = [{"max_train_loss": value, "connected": connected, "points": []}]
        outcomes.append(Outcome(planned, made))
    found = STUDIES["fb17-gaussians"].reduce(outcomes)
    assert found.panels[0].curves[-1].reference
    return found.sentence


def test_two_units_that_are_not_exchanged_below_the_floor_are_as_expected() -> None:
    said = gaussians(0.2512, [0.37, 0.2547])
    assert said.startswith("As expected, no connection below 0.2 was found")
    assert "reaches a train loss of 0.25120, which is proven; the lowest path that was tried reaches 0.25470" in said


def test_a_connection_below_the_floor_or_a_floor_that_is_too_low_is_said_to_be_unexpected() -> None:
    assert gaussians(0.2512, [0.1, 0.1], connected=True).startswith("Unexpected: 2 of 2 connections stayed below 0.2")
    assert gaussians(0.15, [0.37]).startswith("Unexpected: for this sample the floor is 0.15000 only")


def test_without_the_floor_nothing_is_said_of_connections() -> None:
    assert "nothing can be said" in gaussians(None, [0.37])


@pytest.mark.parametrize(("n", "m", "close"), [(2, 8, 2), (2, 512, 8), (3, 16, 2), (3, 256, 4), (4, 512, 4)])
def test_as_many_units_are_freed_as_the_corollary_finds_close(n: int, m: int, close: int) -> None:
    assert Setting(n, m).close == close


@pytest.mark.parametrize(
    ("values", "answer"),
    [
        ({8: 1.0, 32: 0.5, 128: 0.25}, True),
        ({8: 1.0, 32: 0.51, 128: 0.1}, False),
        ({8: 1.0, 16: 0.0, 32: 0.0}, True),
        ({8: 0.0, 16: 0.0}, True),
        ({8: 0.0, 16: 1e-9}, False),
        ({8: 0.0, 32: 1.0, 128: 0.5}, True),
        ({8: 0.0, 32: 1.0, 128: 0.6, 512: 0.0}, False),
    ],
)
def test_what_falls_at_least_like_a_root(values: dict[int, float], answer: bool) -> None:
    assert falls(values, 1 / 2) is answer


def of_widths(excess: dict[int, float]) -> Findings:
    """The small study of n = 2, with an excess for some of its widths; costs are larger for model b."""
    outcomes = [
        Outcome(planned, made_by(planned, excess) if planned.label.startswith("n = 2") else [])
        for planned in STUDIES["fb17-cor25"].expand("small")
    ]
    return STUDIES["fb17-cor25"].reduce(outcomes)


def made_by(planned: Planned, excess: dict[int, float]) -> list[dict[str, Any]]:
    m = int(planned.label.rpartition(" ")[2])
    if isinstance(planned.spec, Train) or m not in excess:
        return []
    if isinstance(planned.spec, Connect):
        ends = {"train_loss_a": 0.1, "train_loss_b": 0.2, "certificate": "exact", "drift": 1e-9}
        return [{**ends, "level": 0.2 + excess[m]}]
    assert isinstance(planned.spec, Bound)
    own = 0.01 * planned.spec.model.position
    numbers = [("best_head", None, 0.05), ("merging", None, 0.5 + own)]
    numbers += [(name, l, 0.06 + own) for l in {3, Setting(2, m).close} for name in ("delta", "e")]
    return [{"measurements": [{"name": name, "draw": draw, "value": value} for name, draw, value in numbers]}]


def test_a_width_has_the_larger_of_both_models_numbers() -> None:
    found = of_widths({8: 0.04, 32: 0.01})
    first, second = (dict(zip(found.columns, row, strict=True)) for row in found.rows)
    assert (first["inputs"], first["width"], second["width"]) == (2, 8, 32)
    assert (first["delta_m"], first["merging"]) == (0.05, 0.51)
    assert first["delta_m_less_3"] == pytest.approx(0.07)
    assert first["excess"] == pytest.approx(0.04)
    assert found.sentence == (
        "n = 2: the excess falls at least like m^(-1/2): yes (0.04 at m = 8, 0.01 at m = 32); "
        "3 units fewer cost 0.02 at m = 8 and 0.02 at m = 32."
    )
    (panel,) = found.panels
    assert panel.logarithmic
    assert [some[0] for some in panel.curves[-1].values] == pytest.approx([0.04, 0.02])


def test_an_excess_within_rounding_is_none() -> None:
    assert "yes (0.04 at m = 8, 0 from m = 16 on)" in of_widths({8: 0.04, 16: 1e-10, 32: 1e-10}).sentence
    assert "yes (0 from m = 8 on)" in of_widths({8: 1e-10, 16: 1e-10}).sentence
    assert "no (0.1 at m = 16, 0.1 at m = 16)" in of_widths({8: 1e-10, 16: 0.1}).sentence


def test_of_one_width_nothing_is_said_to_fall() -> None:
    assert of_widths({8: 0.04}).sentence == "n = 2: nothing can be said of one width, m = 8: an excess of 0.04."
