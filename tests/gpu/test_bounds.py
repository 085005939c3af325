"""Every quantity of a model that lies on a GPU."""

import pytest
import torch

from core.bounds import BOUNDS
from core.progress import SilentReporter
from core.specs import bounds as specs
from tests.gpu.both import CLOSE, problem_of, trained

pytestmark = pytest.mark.gpu

TEXT, DATA = "fcn:24x3", "digits,limit=120"
SHORT = {
    "sparse": {"draws": 2, "epochs": 3},
    "dropout": {"draws": 3},
    "unbounded": {"times": 100.0},
    "compressibility": {"units": "6", "alpha": 0.0, "epochs": 0, "draws": 1},
}
SHALLOW = {  # what bounds of one hidden layer are of
    "compressibility": ("fcn:24", "teacher,inputs=4,samples=120"),
    "relu-floor": ("fcn:2,bias=false", "gaussians,samples=60"),
}


@pytest.mark.parametrize("kind", BOUNDS)
def test_a_bound_is_the_one_that_the_cpu_finds(kind: str, device: torch.device) -> None:
    text, data = SHALLOW.get(kind, (TEXT, DATA))
    dtype = torch.float32 if kind in ("sparse", "dropout") else torch.float64
    (theta,) = trained(text, problem_of(text, data, dtype), count=1)
    options = specs.BOUNDS[kind](**SHORT.get(kind, {}))
    here, there = (
        BOUNDS[kind](options, problem_of(text, data, dtype, where), theta.to(where), SilentReporter())
        for where in (torch.device("cpu"), device)
    )
    assert there.value == pytest.approx(here.value, rel=CLOSE[dtype])
    assert there.layer_count == here.layer_count
