"""What is said to apply to a network does apply, with the certificate that was said."""

import pytest
import torch
from torch import nn

from core.certify.enclosed import Wanted
from core.data.files import data_root
from core.data.load import load
from core.engine.worker.applicability import Applicable, applicable, parts_of
from core.errors import PremiseError
from core.losses import loss_named
from core.methods.connect import connect
from core.methods.method import Task
from core.networks.architectures import Architecture, build
from core.problem import Problem
from core.specs.data import read_data
from core.specs.methods import METHODS
from core.specs.networks import read_network

NETWORKS = ("fcn:48", "fcn:12-24,activation=leaky_relu", "fcn:12-11,activation=linear", "fcn:4,activation=tanh")


def posed(network: str) -> tuple[Architecture, Problem]:
    """A network on twenty digits, as it is."""
    data = load(read_data("digits,limit=20"), data_root(None))
    made = build(read_network(network), tuple(data.train.x.shape[1:]), data.outputs)
    return made, Problem(made.module, data, loss_named(None, data.classes), made.layered, without=made.without)


def said_of(network: str) -> dict[str, Applicable]:
    made, problem = posed(network)
    starts = (made.initial(seed, torch.float64) for seed in (0, 1))
    return {one.method: one for one in applicable(problem.to("cpu", torch.float64), *starts)}


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("method", ["linear", "dropout", "wide", "linear-net"])
def test_a_method_does_what_is_said_of_it(network: str, method: str) -> None:
    made, problem = posed(network)
    said = said_of(network)[method]
    a, b = (made.initial(seed, torch.float64) for seed in (2, 3))
    task = Task(a, b, problem.to("cpu", torch.float64))
    if said.certificate is None:
        with pytest.raises(PremiseError, match=r"The method assumes that "):
            connect(METHODS[method](), task)
    else:
        found = connect(METHODS[method](), task, wanted=Wanted()).examination.certificate
        assert found.kind in said.certificate.split(" or ")


def test_each_method_applies_to_one_of_them() -> None:
    found = [said_of(network) for network in NETWORKS]
    assert all(any(one[method].certificate for one in found) for method in METHODS)
    assert all(one.reason for said in found for one in said.values() if one.certificate is None)


def test_a_shared_parameter_counts_once() -> None:
    first = nn.Linear(3, 3)
    found = parts_of(nn.Sequential(first, nn.ReLU(), first, nn.Linear(3, 2, bias=False)))
    assert [(one.name, one.parameters) for one in found] == [("0", 12), ("3", 6)]
    assert found[1].kind == "Linear(in_features=3, out_features=2, bias=False)"
