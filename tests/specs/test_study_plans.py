"""Studies as plans and as findings: numbers worked out by hand, no run."""

import re
from collections.abc import Iterable
from math import exp, isnan, sqrt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.networks.architectures import build
from core.specs.data import Words, read_data
from core.specs.kinds import inputs_of
from core.specs.methods import String
from core.specs.networks import read_network
from core.specs.runs import Bound, Connect, Train, to_json
from core.studies import STUDIES
from core.studies.estimates import band, estimate
from core.studies.nbm21 import near_from
from core.studies.plan import Findings, Outcome, Planned
from core.studies.points import Point

PLANS = [(name, scale) for name, study in STUDIES.items() for scale in study.scales]
T_95 = {2: 12.7062, 3: 4.30265, 10: 2.26216}  # Student's t at 97.5 %, by the number of values


def plan(name: str, scale: str = "small") -> list[Planned]:
    return STUDIES[name].expand(scale)


@pytest.mark.parametrize(("count", "t"), T_95.items())
def test_intervals_are_those_of_the_printed_table_of_student_s_t(count: int, t: float) -> None:
    values = [0.0] * (count - 1) + [1.0]
    found = estimate(values)
    assert found.mean == pytest.approx(1 / count)
    assert found.half == pytest.approx(t / count, rel=1e-5), "the standard error of these values is 1 / count"


def test_bands_lie_around_the_mean_or_on_a_logarithmic_axis_around_that_of_the_logarithms() -> None:
    mean, low, high = band([1.0, 3.0])
    assert (mean, (low + high) / 2, high - mean) == pytest.approx((2.0, 2.0, T_95[2]), rel=1e-5)
    mean, low, high = band([0.01, 1.0, 0.0], logarithmic=True)
    assert (mean, low, high) == pytest.approx((0.1, 10 ** (-1 - T_95[2]), 10 ** (-1 + T_95[2])), rel=1e-4)
    assert band([0.3]) == (0.3, 0.3, 0.3)
    assert isnan(band([0.0], logarithmic=True)[0])


def test_one_value_has_no_interval() -> None:
    assert estimate([3.0]).mean == 3.0
    assert isnan(estimate([3.0]).half)


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=9), st.floats(-50, 50), st.floats(0.1, 10))
def test_intervals_move_and_grow_with_the_values(values: list[float], shift: float, factor: float) -> None:
    before, after = estimate(values), estimate([factor * value + shift for value in values])
    assert after.mean == pytest.approx(factor * before.mean + shift, abs=1e-9)
    assert after.half == pytest.approx(factor * before.half, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(("name", "scale"), PLANS)
def test_runs_read_models_that_earlier_runs_of_the_plan_make(name: str, scale: str) -> None:
    made = plan(name, scale)
    for number, planned in enumerate(made):
        for ref in inputs_of(planned.spec):
            assert ref.run is not None
            assert ref.run < number
            source = made[ref.run].spec
            assert ref.position < (source.count if isinstance(source, Train) else 1)
    assert len({to_json(planned.spec) for planned in made}) == len(made), "no two runs are the same"


@pytest.mark.parametrize("name", STUDIES)
def test_small_studies_are_of_networks_and_data_that_are_there(name: str) -> None:
    for planned in plan(name):
        if isinstance(planned.spec, Train):
            data = read_data(planned.spec.data)
            assert data.shape is not None
            read_network(planned.spec.network).check_input(data.shape)


@pytest.mark.parametrize(
    ("name", "runs", "models"),
    [("fig3a", 21, 10), ("fig3b", 21, 10), ("fig3c", 11, 5), ("fig3d", 3, 10), ("fig4", 350, 150), ("fig6", 53, 25)],
)
def test_the_paper_s_numbers_of_models_and_draws(name: str, runs: int, models: int) -> None:
    specs = [planned.spec for planned in plan(f"nbm21-{name}", "paper")]
    assert len(specs) == runs
    assert sum(spec.count for spec in specs if isinstance(spec, Train)) == models
    draws = {spec.bound.draws for spec in specs if isinstance(spec, Bound)}  # type: ignore[union-attr]
    draws |= {spec.method.draws for spec in specs if isinstance(spec, Connect)}  # type: ignore[union-attr]
    assert draws == {20, 200}


def test_figures_of_the_same_models_have_the_same_runs() -> None:
    def texts(name: str) -> set[str]:
        return {to_json(planned.spec) for planned in plan(f"nbm21-{name}", "paper")}

    assert texts("fig3a") < texts("fig7")
    assert texts("fig3a") < texts("fig6")
    assert len(texts("fig3b") & texts("fig3d")) == 1, "the training"


def left(planned: Planned, losses: Iterable[float] = (), bounds: Any = None) -> Outcome:
    """What a training left whose models have these train losses; or a bound with `bounds`[layer] = losses of draws."""
    if bounds is None:
        rows = [{"position": i, "train_loss": loss, "test_error": loss / 10} for i, loss in enumerate(losses)]
        return Outcome(planned, rows)
    measurements = [{"name": "model_loss", "layer": None, "draw": None, "value": 9.0}]
    for layer, draws in bounds.items():
        for i, value in enumerate(draws):  # the lowest loss has the highest error: that one counts all the same
            measurements.append({"name": "loss", "layer": layer, "draw": i, "value": value})
            measurements.append({"name": "test_error", "layer": layer, "draw": i, "value": 1 - value})
    return Outcome(planned, [{"measurements": measurements}])


def three_models() -> list[Outcome]:
    """The small study of figure 3(a), with results for its three models."""
    train, *bounds = plan("nbm21-fig3a")
    sparse = [{0: [0.3, 0.2], 1: [0.4, 0.5]}, {0: [0.5], 1: [0.6]}, {0: [0.8], 1: [0.8]}]
    dropout = [{1: [2.0, 1.0]}, {1: [2.0]}, {1: [3.0, 4.0]}]
    results = [one for pair in zip(sparse, dropout, strict=True) for one in pair]
    pairs = zip(bounds, results, strict=True)
    return [left(train, [0.1, 0.2, 0.3]), *(left(planned, bounds=made) for planned, made in pairs)]


def rows(found: Findings) -> list[dict[str, Any]]:
    return [dict(zip(found.columns, row, strict=True)) for row in found.rows]


def test_the_lowest_draw_counts_and_models_are_averaged_with_their_interval() -> None:
    found = STUDIES["nbm21-fig3a"].reduce(three_models())
    first, second = rows(found)
    assert (first["layer"], second["layer"], first["count"]) == (0, 1, 3)
    assert first["models"] == pytest.approx(0.2)
    assert first["models_ci95"] == pytest.approx(T_95[3] * 0.1 / sqrt(3), rel=1e-5)
    assert first["sparse"] == pytest.approx((0.2 + 0.5 + 0.8) / 3)
    assert first["sparse_ci95"] == pytest.approx(T_95[3] * 0.3 / sqrt(3), rel=1e-5)
    assert (first["dropout"], first["dropout_ci95"]) == (None, None), "nothing is dropped from the input"
    assert second["dropout"] == pytest.approx(2.0)
    assert "the sparse bound exceeds a model's own train loss by at most 0.5 (layer 0)" in found.sentence, (
        "the third model: 0.8 - 0.3"
    )
    assert "the dropout bound by at most 2.7 (layer 1)" in found.sentence
    (panel,) = found.panels
    assert [(curve.label, list(curve.x)) for curve in panel.curves] == [
        ("sparse", [0, 1]),
        ("dropout", [1]),
        ("models", [0, 1]),
    ]
    assert [list(some) for some in panel.curves[0].values] == [[0.2, 0.5, 0.8], [0.4, 0.6, 0.8]]


def test_the_test_error_is_that_of_the_best_draw() -> None:
    outcomes = three_models()
    first, _ = rows(STUDIES["nbm21-fig6"].reduce(outcomes))
    assert first["models"] == pytest.approx(0.02)
    assert first["sparse"] == pytest.approx((0.8 + 0.5 + 0.2) / 3)


def test_what_is_missing_is_left_out_of_the_means() -> None:
    outcomes = three_models()
    outcomes[1] = Outcome(outcomes[1].planned)
    first, second = rows(STUDIES["nbm21-fig3a"].reduce(outcomes))
    assert first["sparse"] == pytest.approx((0.5 + 0.8) / 2)
    assert second["dropout"] == pytest.approx(2.0)


def test_a_curve_of_which_nothing_is_there_keeps_its_place() -> None:
    outcomes = [Outcome(one.planned) if one.planned.label == "sparse" else one for one in three_models()]
    found = STUDIES["nbm21-fig3a"].reduce(outcomes)
    assert [(curve.label, len(curve.x)) for curve in found.panels[0].curves] == [
        ("sparse", 0),
        ("dropout", 1),
        ("models", 1),
    ]
    assert rows(found)[0]["sparse"] is None


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_of_which_nothing_is_there_says_so(name: str) -> None:
    found = STUDIES[name].reduce([Outcome(planned) for planned in plan(name)])
    assert not found.rows
    assert "nothing can be said" in found.sentence


def test_against_the_width_the_highest_layer_counts() -> None:
    planned = plan("nbm21-fig4")
    outcomes = []
    for one in planned:
        match one.spec:
            case Train(network=network):
                width = read_network(network).hidden_widths[0]  # type: ignore[index]
                outcomes.append(left(one, [0.1] * one.spec.count))
            case _ if one.label == "sparse":
                outcomes.append(left(one, bounds={0: [0.1], 1: [0.1 + 1 / width]}))
            case _:
                outcomes.append(left(one, bounds={1: [2.0], 2: [1.0]}))
    found = STUDIES["nbm21-fig4"].reduce(outcomes)
    mnist = [row for row in rows(found) if row["setting"] == "MNIST"]
    assert [row["width"] for row in mnist] == [8, 32, 128]
    assert [row["sparse"] for row in mnist] == pytest.approx([0.1 + 1 / 8, 0.1 + 1 / 32, 0.1 + 1 / 128])
    assert [row["dropout"] for row in mnist] == [2.0] * 3
    assert "sparse from width 32 on, dropout at no width that was tried" in found.sentence


@pytest.mark.parametrize(
    ("excess", "least"),
    [({8: 1.0, 16: 0.01, 32: 0.02}, 16), ({8: 0.01, 16: 1.0, 32: 0.02}, 32), ({8: 0.01, 16: 0.2}, None)],
)
def test_near_from_asks_all_larger_widths_too(excess: dict[int, float], least: int | None) -> None:
    assert near_from([Point("", "", x, 0, value, 0.0) for x, value in excess.items()]) == least


def test_paths_are_compared_with_the_higher_model() -> None:
    train, sparse, dropout = plan("nbm21-fig3d")
    points = [{"t": 0.0, "train_loss": 0.1}, {"t": 0.5, "train_loss": None}, {"t": 1.0, "train_loss": 0.2}]
    ends = {"train_loss_a": 0.1, "train_loss_b": 0.2, "certificate": "exact", "points": points}
    made = [
        left(train, [0.1, 0.2]),
        Outcome(sparse, [{**ends, "method": "sparse", "level": 0.25}]),
        Outcome(dropout, [{**ends, "method": "dropout", "level": 2.2}]),
    ]
    found = STUDIES["nbm21-fig3d"].reduce(made)
    assert "the sparse path rises at most 0.05 above it (exact)" in found.sentence
    assert "the dropout path rises at most 2 above it (exact)" in found.sentence
    made[1].made[0]["drift"] = 0.06
    assert "the sparse path rises at most 0 above it (exact)" in STUDIES["nbm21-fig3d"].reduce(made).sentence
    assert [row["level"] for row in rows(found)] == [0.25, 2.2]
    assert list(found.panels[0].curves[0].x) == [0.0, 1.0], "points without a loss are left out"
    assert found.panels[0].curves[-1].reference


def test_the_docs_list_every_study_with_its_numbers_of_runs() -> None:
    text = (Path(__file__).parents[2] / "docs" / "studies.md").read_text()
    told = dict(re.findall(r"^\| `([a-z0-9-]+)` \|.*\| ([\d, -]+) \|$", text, re.MULTILINE))
    counts = {name: {scale: len(plan(name, scale)) for scale in study.scales} for name, study in STUDIES.items()}
    scales = ("small", "medium", "paper")
    assert told == {name: ", ".join(str(runs.get(scale, "-")) for scale in scales) for name, runs in counts.items()}


def strings_of(name: str, made: dict[float, list[tuple[float, int] | None]], root: str | None = None) -> Findings:
    """What a study of figure 1 makes of strings of these lengths and beads by threshold; None did not connect."""
    outcomes: list[Outcome] = []
    waiting = {threshold: list(strings) for threshold, strings in made.items()}
    for planned in plan(name):
        if isinstance(planned.spec, Train):
            models = [{"position": i, "reached": True, "test_loss": 4.0} for i in range(planned.spec.count)]
            outcomes.append(Outcome(planned, models, data_root=root))
            continue
        assert isinstance(planned.spec, Connect)
        strings = [waiting[float(planned.label)].pop(0) for _ in planned.spec.ends]
        outcomes.append(Outcome(planned, [string(i, found) for i, found in enumerate(strings)]))
    return STUDIES[name].reduce(outcomes)


def string(position: int, found: tuple[float, int] | None) -> dict[str, Any]:
    length, beads = found or (3.0, 9)
    row = {"connected": found is not None, "normalized_length": length, "beads": beads, "certificate": "enclosed"}
    return {"position": position, **row}


def test_figure_1_takes_the_means_of_the_pairs_that_connect_and_counts_them() -> None:
    made: dict[float, list[tuple[float, int] | None]] = {
        0.16: [(1.5, 1), (1.3, 1), (1.4, 1)],
        0.12: [(1.1, 2), (1.1, 2), None],
        0.08: [(1.2, 4), (1.2, 4), (1.2, 4)],
        0.05: [(1.3, 8), None, None],
    }
    found = strings_of("fb17-fig1b", made)
    rows = {row[0]: dict(zip(found.columns, row, strict=True)) for row in found.rows}
    assert rows[0.16]["normalized_length"] == pytest.approx(1.4)
    assert rows[0.16]["normalized_length_std"] == pytest.approx(0.1)
    assert (rows[0.12]["pairs"], rows[0.12]["trained"], rows[0.12]["connected"]) == (3, 3, 2)
    assert rows[0.05]["beads_std"] is None
    assert "9 of 12 trained pairs connect, 9 of them proven." in found.sentence
    assert "rank correlation of -0.20 and +1.00" in found.sentence
    assert "longest at L0 = 0.16: 1.4 times the distance, with 1 beads" in found.sentence
    assert [list(one.curves[0].x) for one in found.panels] == [[0.05, 0.08, 0.12, 0.16]] * 2


def test_a_pair_of_figure_1_that_misses_its_threshold_is_counted_and_no_mean_is_of_it() -> None:
    outcomes = []
    for planned in plan("fb17-fig1b"):
        if isinstance(planned.spec, Train):
            models = [{"position": i, "reached": i != 3} for i in range(6)]
            made = models if planned.label == "0.16" else models[:5] if planned.label == "0.12" else []
        else:
            made = [string(0, (1.1, 2)), string(1, (9.0, 50)), string(2, (1.3, 4))]  # the second was near enough
            made = made if planned.label == "0.16" else made[:1] if planned.label == "0.12" else []
        outcomes.append(Outcome(planned, made))
    found = STUDIES["fb17-fig1b"].reduce(outcomes)
    low, high = rows(found)
    assert [(low[name], high[name]) for name in ("pairs", "trained", "connected")] == [(3, 3), (1, 2), (1, 2)]
    assert (low["normalized_length"], high["normalized_length"]) == (1.1, pytest.approx(1.2))
    assert [some for panel in found.panels for some in panel.curves[0].values] == [[1.1], [1.1, 1.3], [2], [2, 4]]
    assert "3 of 3 trained pairs connect, 3 of them proven. 3 of 6 pairs did not reach" in found.sentence


def test_pairs_of_figure_1_that_are_still_to_be_joined_do_not_count_as_not_connected() -> None:
    outcomes = []
    for planned in plan("fb17-fig1b"):
        models = [{"position": i, "reached": True} for i in range(6)]
        if isinstance(planned.spec, Train):
            outcomes.append(Outcome(planned, models))
        elif planned.label == "0.16":
            outcomes.append(Outcome(planned, [string(i, (1.1, 2)) for i in range(3)]))
        else:
            outcomes.append(Outcome(planned, answered=False))
    found = STUDIES["fb17-fig1b"].reduce(outcomes)
    assert [row["threshold"] for row in rows(found)] == [0.16]
    assert "3 of 3 trained pairs connect, 3 of them proven." in found.sentence


@pytest.mark.parametrize("name", ["fb17-fig1a", "fb17-fig1b", "fb17-fig1c", "fb17-fig1d", "fb17-fig1e"])
@pytest.mark.parametrize("scale", ["small", "paper"])
def test_pairs_of_networks_with_fewer_than_100_000_parameters_share_their_runs(name: str, scale: str) -> None:
    pairs = {spec.count for planned in plan(name, scale) if isinstance(spec := planned.spec, Connect)}
    trained = next(spec for planned in plan(name, scale) if isinstance(spec := planned.spec, Train))
    data = read_data(trained.data)
    outputs = data.vocabulary if isinstance(data, Words) else data.classes or 1
    assert data.shape is not None
    network = build(read_network(trained.network), data.shape, outputs)
    size = sum(one.numel() for one in network.module.parameters())
    assert (pairs == {1}) == (size >= 100_000), size


def test_figure_1_says_so_where_no_pair_was_trained() -> None:
    found = STUDIES["fb17-fig1c"].reduce([Outcome(planned) for planned in plan("fb17-fig1c")])
    assert found.sentence == "No pair was trained, so nothing can be said."


@pytest.mark.parametrize("name", ["fb17-fig1a", "fb17-fig1b", "fb17-fig1c", "fb17-fig1d", "fb17-fig1e"])
@pytest.mark.parametrize("scale", ["small", "paper"])
def test_figure_1_trains_ends_to_the_threshold_and_beads_below_the_level_that_a_line_may_have(
    name: str, scale: str
) -> None:
    made = plan(name, scale)
    seeds: list[int] = []
    for planned in made:
        if not isinstance(planned.spec, Connect):
            continue
        training = made[planned.spec.a.run].spec  # type: ignore[index]
        assert isinstance(training, Train)
        assert isinstance(planned.spec.method, String)
        assert training.goal is not None
        assert training.on == planned.spec.method.on
        assert planned.spec.below == pytest.approx(1.1 * training.goal)
        assert training.goal * 0.94 < planned.spec.method.alpha * planned.spec.below < training.goal
        seeds += [training.seed, training.seed + 1]
    assert len(set(seeds)) == len(seeds), "every model has a start of its own"


@pytest.mark.parametrize("given", [True, False], ids=["--data-root", "THALWEG_DATA"])
def test_figure_1e_counts_words_for_a_yardstick(given: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kjv").mkdir()
    (tmp_path / "kjv" / "train.txt").write_text("in the beginning\n" * 20_000)
    (tmp_path / "kjv" / "test.txt").write_text("in the beginning\n" * 20)
    monkeypatch.setenv("THALWEG_DATA", str(tmp_path / "no" if given else tmp_path))
    made: dict[float, list[tuple[float, int] | None]] = {
        threshold: [(1.0, 1)] * 2
        for threshold in {float(one.label) for one in plan("fb17-fig1e") if one.label[0] != "p"}
    }
    sentence = strings_of("fb17-fig1e", made, str(tmp_path) if given else None).sentence
    assert "thresholds on the test perplexity: 6 of 6" in sentence
    ratios = [f"{float(one.label) / exp(4.0):.3g}" for one in plan("fb17-fig1e") if isinstance(one.spec, Connect)]
    told = "{}, {} and {}".format(*dict.fromkeys(ratios))
    assert f"The thresholds are {told} times the pilot's test perplexity of 54.6." in sentence
    assert "Counting its train words gives a test perplexity of 4" in sentence
    assert "pairs of them 1.1" in sentence
