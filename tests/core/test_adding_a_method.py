"""docs/adding-a-method.md: its example works as it is printed."""

import re
import sys
from types import ModuleType

import pytest

from core.methods import METHODS
from core.methods.method import Method
from core.specs import methods as specs
from tests.pages import text


def run(code: str, module: ModuleType) -> ModuleType:
    exec(compile(code, module.__name__, "exec"), vars(module))
    return module


def test_the_example_on_the_page_is_a_method_and_passes_its_own_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    options, construction, _, tests = re.findall(r"```python\n(.*?)```", text("docs/adding-a-method.md"), re.DOTALL)
    beside = run("from core.specs.methods import *", ModuleType(specs.__name__))
    monkeypatch.setattr(specs, "Detour", run(options, beside).Detour, raising=False)
    detour = run(construction, ModuleType("core.methods.detour"))
    monkeypatch.setitem(sys.modules, detour.__name__, detour)
    monkeypatch.setitem(METHODS, "detour", Method(detour.premises, detour.build))
    its_own = vars(run(tests, ModuleType("test_detour")))
    named = [name for name in its_own if name.startswith("test_")]
    assert named == [
        "test_a_detour_passes_the_middle_at_the_distance_requested",
        "test_a_detour_needs_two_models_of_one_size",
    ]
    for name in named:
        its_own[name]()
