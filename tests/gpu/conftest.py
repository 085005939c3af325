"""The card that these tests are about. With THALWEG_TEST_DEVICE=cpu they run on the CPU: that tries the tests."""

import os
import warnings
from collections.abc import Iterator

import pytest
import torch

from core.arithmetic import settle_arithmetic

ON = os.environ.get("THALWEG_TEST_DEVICE", "cuda:0")


@pytest.fixture(scope="session")
def device() -> torch.device:
    """Where the tests compute; skips them where there is no such device."""
    if ON != "cpu" and not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    return torch.device(ON)


@pytest.fixture(autouse=True)
def as_in_a_worker(device: torch.device) -> Iterator[None]:
    """The arithmetic that a job on a GPU has; given back afterwards."""
    before = torch.backends.cudnn.allow_tf32, torch.are_deterministic_algorithms_enabled()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*deterministic")  # of what torch has no such way for
        settle_arithmetic()
        yield
    torch.backends.cudnn.allow_tf32 = before[0]
    torch.use_deterministic_algorithms(before[1])
    if device.type == "cuda":
        torch.cuda.empty_cache()  # the workers that other tests start want memory too
