"""`thalweg bound`."""

from core.specs.runs import RunSpec
from tui.cli.option_help import run_command
from tui.cli.results import print_bound
from tui.cli.run_command import RunOptions, run_and_report

EPILOG = """\b
Example:
  thalweg bound 1 --kind rank -o samples=500
"""


@run_command("bound", EPILOG)
def bound(run_options: RunOptions, spec: RunSpec) -> int:
    """Compute a quantity of one MODEL (an id, or run:ID for what a run makes)."""
    return run_and_report(run_options, spec, "bounds", lambda row, client: print_bound(row, client.catalogue))
