"""Names that are not the network's: prefixes, maps, proposals, tied tensors, what may be missing."""

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from core.checkpoints.matching import fit
from core.checkpoints.naming import PREFIXES, best_naming
from core.checkpoints.network_state import NetworkState
from core.checkpoints.opened import Opened
from core.checkpoints.opening import open_checkpoint
from core.checkpoints.proposing import proposal
from core.errors import KeysError, UsageError
from core.specs.checkpoints import HowToRead
from tests.checkpoints.files import network, saved, state

STATE = NetworkState.of(network())


class Tied(nn.Module):
    """A network whose first and last layers share their weights, with buffers of every sort."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(3, 4, bias=False)
        self.norm = nn.BatchNorm1d(4)
        self.head = nn.Linear(3, 4, bias=False)
        self.head.weight = self.embed.weight
        self.register_buffer("mask", torch.ones(4))
        self.register_buffer("cache", torch.ones(4), persistent=False)


def opened(content: object, folder: Path, asked: NetworkState = STATE, **how: object) -> Opened:
    return open_checkpoint(saved(content)(folder), HowToRead(**how), asked)  # type: ignore[arg-type]


def renamed(*pairs: tuple[str, str]) -> dict[str, Tensor]:
    found = state()
    for old, new in pairs:
        found = {name.replace(old, new): one for name, one in found.items()}
    return found


@given(st.lists(st.sampled_from(PREFIXES), max_size=4))
def test_any_wrappers_in_any_order_are_taken_off(prefixes: list[str]) -> None:
    prefix = "".join(prefixes)
    naming = best_naming({prefix + name: shape for name, shape in STATE.shapes.items()}, STATE.shapes)
    assert naming.prefix == prefix
    assert set(naming.keys) == set(STATE.parameters)


def test_a_prefix_that_the_network_itself_has_stays() -> None:
    shapes = {f"model.{name}": shape for name, shape in STATE.shapes.items()}
    naming = best_naming({f"module.{name}": shape for name, shape in shapes.items()}, shapes)
    assert naming.prefix == "module."
    assert set(naming.keys) == set(shapes)


def test_names_without_the_prefix_are_left_out_only_when_it_was_given(tmp_path: Path) -> None:
    content = {**renamed(("0.", "model.0."), ("2.", "model.2.")), "criterion.weight": torch.ones(2)}
    with pytest.raises(KeysError) as refused:
        opened(content, tmp_path)
    assert refused.value.rows == (("criterion.weight", "2", "-"),)
    found = opened(content, tmp_path, strip="model.")
    assert found.left_out == ("criterion.weight",)
    with pytest.raises(UsageError, match=r"No name in .* begins with net.,"):
        opened(content, tmp_path, strip="net.")


def test_names_in_the_same_order_and_shapes_are_proposed_and_never_taken_by_themselves(tmp_path: Path) -> None:
    content = renamed(("0.", "first."), ("2.", "second."))
    with pytest.raises(KeysError, match=r"shapes and order match one to one.*--yes") as refused:
        opened(content, tmp_path)
    proposed = {
        "first.weight": "0.weight",
        "first.bias": "0.bias",
        "second.weight": "2.weight",
        "second.bias": "2.bias",
    }
    assert refused.value.proposed == proposed
    found = opened(content, tmp_path, yes=True)
    assert found.record()["map"] == proposed
    assert torch.equal(found.tensors["2.weight"], state()["2.weight"])


def test_weights_of_other_names_are_told_from_an_optimiser_s_state_before_them(tmp_path: Path) -> None:
    momentum = {i: {"exp_avg": torch.ones(4, 3), "exp_avg_sq": torch.ones(4, 3)} for i in range(2)}
    content = {"optimizer": {"state": momentum}, "weights": renamed(("0.", "first."), ("2.", "second."))}
    assert opened(content, tmp_path, yes=True).choice.candidate.key == "weights"


@pytest.mark.parametrize(
    ("names", "is_proposed"),
    [
        (["a.1", "a.2", "a.3"], True),
        (["a.9", "a.10", "a.11"], True),
        (["fc1", "fc2", "fc3"], True),
        (["query", "key", "value"], False),
        (["a.2", "a.1", "a.3"], False),
        (["a.1", "a.2"], False),
    ],
)
def test_modules_that_are_alike_are_told_apart_by_ascending_names_alone(names: list[str], is_proposed: bool) -> None:
    asked = NetworkState.of(nn.Sequential(*(nn.Linear(3, 3) for _ in range(3))))
    found = {f"{name}.{own}": shape for name in names for own, shape in (("weight", (3, 3)), ("bias", (3,)))}
    given = proposal(found, asked, ordered=True)
    assert (given is not None) == is_proposed
    if given is not None:
        assert list(given.items())[2:4] == [(f"{names[1]}.weight", "1.weight"), (f"{names[1]}.bias", "1.bias")]


def test_of_a_file_without_order_numbers_count_by_their_value() -> None:
    asked = NetworkState.of(nn.Sequential(*(nn.Linear(3, 3) for _ in range(11))))
    found = {f"l{i}.{own}": (3, 3) if own == "weight" else (3,) for i in range(11) for own in ("bias", "weight")}
    unordered = {name: found[name] for name in sorted(found)}
    given = proposal(unordered, asked, ordered=False)
    assert given == {name: name.removeprefix("l") for name in given or {}}
    assert len(given or {}) == 22


@pytest.mark.parametrize(
    "map_",
    [
        "first.weight=0.weight first.bias=0.bias second.weight=2.weight second.bias=2.bias",
        r"first\.(.*)=0.\1 second\.(.*)=2.\1",
        "FILE",
    ],
)
def test_a_map_gives_names_patterns_or_a_file_of_both(map_: str, tmp_path: Path) -> None:
    content = renamed(("0.", "first."), ("2.", "second."))
    if map_ == "FILE":
        file = tmp_path / "map.json"
        file.write_text(json.dumps({"first.weight": "0.weight", r"first\.b(.*)": r"0.b\1", r"second\.(.*)": r"2.\1"}))
        map_ = str(file)
    assert torch.equal(opened(content, tmp_path, map=map_).tensors["0.bias"], state()["0.bias"])


@pytest.mark.parametrize(
    ("map_", "words"),
    [
        ("absent=0.weight", "No name in .* is absent"),
        ("first.weight=second.weight", "Two names of .* would become one"),
        ("fir(st=0.weight", "neither a name nor a pattern"),
        ("/nowhere/map.json", "can't be read"),
    ],
)
def test_a_map_that_changes_nothing_or_too_much_is_refused(map_: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=words):
        opened(renamed(("0.", "first."), ("2.", "second.")), tmp_path, map=map_)


def test_a_fresh_head_is_the_network_s_own(tmp_path: Path) -> None:
    content = {**state(), "2.weight": torch.ones(7, 4), "2.bias": torch.ones(7)}
    assert list(opened(content, tmp_path, fresh_head="2.").tensors) == ["0.weight", "0.bias"]


@pytest.mark.parametrize(
    ("head", "words"), [("hed.", "No name of the network begins with hed."), ("", "would leave nothing to import")]
)
def test_a_fresh_head_is_part_of_the_network_and_not_all_of_it(head: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=words):
        opened(state(), tmp_path, fresh_head=head)


def test_tied_tensors_are_one_under_either_name_or_both(tmp_path: Path) -> None:
    net, asked = Tied(), NetworkState.of(Tied())
    both = net.state_dict()
    assert asked.tied == {"head.weight": "embed.weight"}
    for names in (["embed.weight"], ["head.weight"], ["embed.weight", "head.weight"]):
        content = {name: one for name, one in both.items() if not name.endswith("d.weight") or name in names}
        found = opened(content, tmp_path, asked)
        assert torch.equal(found.tensors["embed.weight"], net.embed.weight)
        assert found.taken["embed.weight"] == tuple(names)
    with pytest.raises(UsageError, match=r"embed.weight and head.weight .* differ, and the network ties them"):
        opened({**both, "head.weight": both["head.weight"] + 1}, tmp_path, asked)


def test_buffers_that_count_are_the_network_s_where_they_are_missing_and_learnt_ones_never(tmp_path: Path) -> None:
    asked, whole = NetworkState.of(Tied()), Tied().state_dict()
    without = {name: one for name, one in whole.items() if name not in ("norm.num_batches_tracked", "mask")}
    assert opened(without, tmp_path, asked).filled == ("mask", "norm.num_batches_tracked")
    assert "cache" not in asked.buffers
    with pytest.raises(KeysError) as refused:
        opened({name: one for name, one in whole.items() if "running_var" not in name}, tmp_path, asked)
    assert refused.value.rows == (("norm.running_var", "-", "4"),)


@given(st.sets(st.sampled_from(list(STATE.parameters))), st.sets(st.sampled_from("xyz")))
def test_every_name_that_does_not_fit_is_in_the_table_once(missing: set[str], more: set[str]) -> None:
    found = {name: shape for name, shape in STATE.shapes.items() if name not in missing} | dict.fromkeys(more, (1,))
    matched = fit(found, STATE)
    assert sorted(row[0] for row in matched.rows) == sorted(missing | more)
    assert set(matched.taken) == set(STATE.parameters) - missing
