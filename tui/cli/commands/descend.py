"""`thalweg descend`."""

from core.specs.runs import RunSpec
from tui.cli.option_help import run_command
from tui.cli.results import print_path
from tui.cli.run_command import RunOptions, run_and_report

EPILOG = """\b
Example:
  thalweg descend 1 --to 0.001
"""


@run_command("descend", EPILOG)
def descend(run_options: RunOptions, spec: RunSpec) -> int:
    """Construct a path from MODEL down to a new model, along which the train loss never rises.

    MODEL is an id, or run:ID for what a run makes. It has to be in float64, and its network either wide for the
    number of samples, or linear (activation=linear) with hidden layers as wide as the smaller of inputs and outputs.
    """
    return run_and_report(run_options, spec, "paths", lambda row, _: print_path(row))
