"""`thalweg certify`."""

from core.specs.runs import RunSpec
from tui.cli.option_help import run_command
from tui.cli.results import print_certificate
from tui.cli.run_command import RunOptions, run_and_report

EPILOG = """\b
Example:
  thalweg certify 3
"""


@run_command("certify", EPILOG)
def certify(run_options: RunOptions, spec: RunSpec) -> int:
    """Decide a path's certificate again in a run, and keep it beside the others.

    PATH is an id, or run:ID for what a run makes. The path shows its strongest certificate.
    """
    return run_and_report(
        run_options, spec, "certificates", lambda row, client: print_certificate(row, client.catalogue)
    )
