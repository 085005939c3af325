"""`thalweg completion`."""

import click
from click.shell_completion import get_completion_class

from core.errors import unknown_name
from tui.cli.arguments import Name

SHELLS = {"bash": None, "zsh": None, "fish": None}
EPILOG = """\b
Example:
  thalweg completion bash >> ~/.bashrc
  thalweg completion zsh >> ~/.zshrc
  thalweg completion fish > ~/.config/fish/completions/thalweg.fish
"""


@click.command(epilog=EPILOG)
@click.argument("shell", type=Name(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that makes bash, zsh or fish complete commands, names and options."""
    if shell not in SHELLS:
        raise unknown_name("shell", shell, SHELLS)
    complete = get_completion_class(shell)
    assert complete is not None
    click.echo(complete(ctx.find_root().command, {}, "thalweg", "_THALWEG_COMPLETE").source())
