"""`thalweg connect`."""

from core.specs.runs import RunSpec
from tui.cli.option_help import run_command
from tui.cli.results import print_path
from tui.cli.run_command import RunOptions, run_and_report

EPILOG = """\b
Example:
  thalweg connect 1 2 --method string -o alpha=0.8 --below 0.05
"""


@run_command("connect", EPILOG)
def connect(run_options: RunOptions, spec: RunSpec) -> int:
    """Construct a low-loss path between models A and B, and print what it is worth.

    A and B are ids of models, or run:ID for what a run makes (run:ID:1 for its second model).
    """
    return run_and_report(run_options, spec, "paths", lambda row, _: print_path(row))
