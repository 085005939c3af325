"""What the command line's client imports loads no torch."""

import subprocess
import sys

import pytest

MODULES = ["kinds", "names", "networks", "data", "options", "methods", "bounds", "descent", "runs"]


@pytest.mark.parametrize("modules", [[f"core.specs.{name}" for name in MODULES], ["core.data.files"], ["core.data"]])
def test_importing_loads_no_torch(modules: list[str]) -> None:
    code = f"import sys, {', '.join(modules)}; sys.exit(any(m.split('.')[0] == 'torch' for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
