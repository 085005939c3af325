"""`thalweg export-model`."""

from pathlib import Path

import click

from core.errors import UsageError
from tui.cli.arguments import Id
from tui.cli.location import CommandLocation
from tui.cli.output import note, print_json
from tui.cli.run_command import data_option, json_option, trust_option
from tui.shared.files import file_facts, write_target

SUFFIXES = (".safetensors", ".pt", ".pth")


@click.command(
    "export-model",
    epilog="\b\nExamples:\n  thalweg export-model 12 --to merged.safetensors\n"
    "  thalweg export-model --path 3 --t 0.42 --to merged.pt",
)
@click.argument("model_id", metavar="[MODEL]", type=Id(), required=False)
@click.option("--path", "path_id", metavar="PATH", type=Id(), help="A point of this path in place of a model.")
@click.option("--t", type=click.FloatRange(0, 1), metavar="T", help="Where on the path, from 0 to 1.")
@click.option(
    "--to", "file", required=True, metavar="FILE", type=click.Path(path_type=Path), help=".safetensors or .pt"
)
@json_option
@data_option
@trust_option
@click.pass_obj
def export_model(  # noqa: PLR0913 - one for each thing that can be said
    location: CommandLocation,
    model_id: int | None,
    path_id: int | None,
    t: float | None,
    file: Path,
    *,
    as_json: bool,
    data_root: str | None,
    trust: bool,
) -> None:
    """Write a model, or a point of a path, as a state dict that load_state_dict takes.

    Parameters and buffers have the names that they had in the file that the model was imported from, without the
    prefixes of wrappers such as DDP; other models have those of their network.
    """
    if (model_id is None) == (path_id is None) or (path_id is None) != (t is None):
        raise UsageError("Give a model's id, or --path PATH with --t T for a point of a path.")
    if file.suffix not in SUFFIXES:
        raise UsageError(f"{file} must end in {', '.join(SUFFIXES)}: that says how it is written.")
    client = location.client(data_root, trust=trust)
    with write_target(file.absolute()) as draft:
        if model_id is not None:
            facts = {"model_id": model_id, **client.export_model(model_id, draft)}
        else:
            assert path_id is not None
            assert t is not None
            facts = {"path_id": path_id, "t": t, **client.export_point(path_id, t, draft)}
    if as_json:
        print_json({**facts, **file_facts(file)})
    what = f"model {model_id}" if model_id is not None else f"the point of path {path_id} at t = {t:g}"
    note(f"{what} written to {file}: {len(facts['tensors'])} tensors in {facts['dtype']}")
