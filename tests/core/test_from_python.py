"""docs/architecture.md: what it shows a notebook works as it is printed."""

import re
from typing import Any

import torch

from tests.pages import text


def test_the_example_on_the_page_gives_the_losses_along_a_line_of_two_networks() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", text("docs/architecture.md"), re.DOTALL)
    made: dict[str, Any] = {}
    exec(example, made)
    problem, losses = made["problem"], made["losses"]
    assert losses.shape == (11,)
    ends = torch.stack([made["a"], made["b"]])
    torch.testing.assert_close(losses[[0, -1]], problem.losses(ends))
    assert bool((losses > 0).all())
