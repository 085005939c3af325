"""`python -m core.engine.worker.probe`: questions in JSON on standard input, answers on standard output, line by line.

The first line says that it is ready for questions.
"""

import json
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

import msgspec
import torch
from safetensors.torch import load as load_tensors
from torch import Tensor, nn

from core.certify.enclosed import Wanted
from core.checkpoints.network_state import NetworkState
from core.checkpoints.opening import open_checkpoint
from core.checkpoints.writing import as_in_file, write_state
from core.data.load import load
from core.engine.worker.applicability import applicable, folded_starts, parts_of
from core.engine.worker.causes import cause_of
from core.engine.worker.exporting import (
    FLOAT64,
    Tensors,
    about_knots,
    about_norms,
    knots_of,
    name_of,
    points_of,
    write,
)
from core.engine.worker.facts import environment
from core.engine.worker.verifying import verify_path
from core.errors import KeysError, ThalwegError, UsageError
from core.examination import examine
from core.files import read_whole
from core.input_files import InputModel
from core.losses import are_labels, loss_named
from core.networks.architectures import Architecture, FoldedArchitecture, build, folded
from core.networks.statistics import has_norms
from core.opening import Joined, open_joined
from core.path import Path as Curve
from core.problem import Problem
from core.specs.checkpoints import HowToRead
from core.specs.data import read_data
from core.specs.networks import read_network

Answer = dict[str, Any]


def download(question: Answer) -> Answer:
    """Try to have a data set's files on disk."""
    try:
        load(read_data(question["data"]), Path(question["root"]))
    except (ThalwegError, OSError) as error:
        return {"found": False, "reason": str(error)}
    return {"found": True}


def data(question: Answer) -> Answer:
    """Read a data set, and say what it holds."""
    found = load(read_data(question["data"]), Path(question["root"]))
    return {
        "name": found.name,
        "shape": found.train.shape,
        "regression": found.classes is None,
        "tested": found.test is not None,
        "labels": found.classes is not None or are_labels(found.train.y),
    }


def network(question: Answer) -> Answer:
    """Build a network for a data set: widths of its hidden layers, None where it has none, and `without` says why.

    `seeded` is whether its start depends on the seed, `norms` whether it has batch-norm; that is gone, and what is said
    of layers holds, where it is to be `folded`.
    """
    spec, (shape, outputs) = read_network(question["network"]), form_of(question)
    made = build(spec, shape, outputs)
    norms = has_norms(made.module)
    view: Architecture | FoldedArchitecture = made
    if norms and question.get("folded"):
        view = folded(made.module, shape, spec.short_text)
    widths = None if view.layered is None else [layer.outputs for layer in view.layered.layers[:-1]]
    return {"hidden_widths": widths, "without": view.without, "seeded": made.seeded, "norms": norms}


def architecture_of(question: Answer) -> Architecture:
    """A network, for a data set."""
    return build(read_network(question["network"]), *form_of(question))


def form_of(question: Answer) -> tuple[tuple[int, ...], int]:
    """Shape of a sample, and outputs, of a data set, which is read only where its name doesn't tell what it is like."""
    spec = read_data(question["data"])
    if spec.shape is not None and spec.classes is not None:
        return spec.shape, spec.classes
    dataset = load(spec, Path(question["root"]))
    return dataset.train.shape, dataset.outputs


def applicability(question: Answer) -> Answer:
    """What a network consists of on a data set, and what every method would make of its models as they start.

    `folded` is the same where each batch-norm is folded into the layer before it; None where there is none, or why not.
    """
    found = load(read_data(question["data"]), Path(question["root"]))
    spec = read_network(question["network"])
    made = build(spec, found.train.shape, found.outputs)
    loss = loss_named(question["loss"], found.classes)
    problem = Problem(made.module, found, loss, made.layered, without=made.without).to("cpu", torch.float64)
    answer = {"parameters": problem.layout.total, "parts": [asdict(one) for one in parts_of(made.module)]}
    starts = (made.initial(seed, torch.float64) for seed in (0, 1))
    answer |= {"chain": made.layered is not None, "without": made.without, "methods": methods_of(problem, *starts)}
    if not has_norms(made.module):
        return answer | {"folded": None}
    try:
        return answer | {"folded": methods_of(*folded_starts(made, problem, spec.short_text))}
    except UsageError as error:
        return answer | {"folded": str(error)}


def methods_of(problem: Problem, a: Tensor, b: Tensor) -> list[Answer]:
    return [asdict(one) for one in applicable(problem, a, b)]


def checkpoints(question: Answer) -> Answer:
    """Read checkpoints of a network, to the last value: whatever is wrong with one is the answer."""
    wanted = NetworkState.of(architecture_of(question).module)
    how = msgspec.convert(question["how"], HowToRead)
    for file in question["files"]:
        open_checkpoint(Path(file), how, wanted)
    return {"files": len(question["files"])}


def state(question: Answer) -> Answer:
    """Write a model as a state dict under the names of the file that it is from."""
    module = architecture_of(question).module
    tensors = load_tensors(read_whole(Path(question["model"]), question["sha256"]))
    tensors = dict(module.named_buffers()) | tensors  # files of the first edition have none
    return write_named(tensors, module, question)


def point(question: Answer) -> Answer:
    """Write the point of a path at `t` as a state dict under the names of the file that its first model is from."""
    path, joined = path_of(question)
    points = joined.state(path.points(torch.tensor([question["t"]], dtype=torch.float64)))
    first = msgspec.convert(question["models"][0], InputModel)
    names = {"network": first.network, "data": first.data}
    return write_named({name: one[0] for name, one in points.items()}, joined.network, question | names)


def write_named(tensors: Tensors, module: nn.Module, question: Answer) -> Answer:
    """Write a whole state of a network under the names of the file that it is from."""
    named = as_in_file(tensors, NetworkState.of(module), question["source"])
    write_state(named, Path(question["to"]), {"network": question["network"], "data": question["data"]})
    return {"tensors": list(named), "dtype": name_of(next(iter(named.values())).dtype)}


def facts(question: Answer) -> Answer:  # noqa: ARG001 - there is nothing to ask beyond the question itself
    """Versions, devices and memory."""
    device = "cuda:0" if torch.cuda.is_available() else "cpu"
    return environment(device)


def verify(question: Answer) -> Answer:
    """Decide every claim of a path anew, in float64, and say what follows."""
    path, joined = path_of(question)
    problem = joined.between(0, 1)
    again = None if question["pieces"] is None else Wanted.again(Path(question["pieces"]), question["level"])
    return {
        "id": question["path_id"],
        **verify_path(path, joined.thetas, examine(problem.to(problem.device, torch.float64), path, wanted=again)),
    }


def points(question: Answer) -> Answer:
    """Write parameter vectors along a path, equally spaced in t; of an enclosed one in float64, as it is proven."""
    path, joined = path_of(question)
    first = msgspec.convert(question["models"][0], InputModel)
    dtype = {"dtype": first.dtype}
    if question["certificate"] == "enclosed":
        path, joined = path.cast(torch.float64), joined.to(torch.float64)
        dtype = {"dtype": "float64", "dtype_reason": FLOAT64}
    tensors = points_of(path, joined, question["count"])
    metadata = {"network": first.network, "data": first.data, "path": str(question["path_id"]), **dtype}
    metadata |= about_norms(path)
    write(Path(question["to"]), tensors, metadata)
    return {
        "id": question["path_id"],
        "count": question["count"],
        "file": question["to"],
        "tensors": [name for name in tensors if name != "t"],
        **dtype,
    }


def knots(question: Answer) -> Answer:
    """Write a path's knots, bit for bit, with the pieces that it is proven on."""
    path, joined = path_of(question)
    tensors = knots_of(path, joined.between(0, 1), None if question["pieces"] is None else Path(question["pieces"]))
    metadata = about_knots(path, tensors, msgspec.convert(question["models"][0], InputModel))
    metadata |= {"path": str(question["path_id"]), "certificate": str(question["certificate"])}
    write(Path(question["to"]), tensors, metadata | {"level": json.dumps(question["level"])})
    return {
        "id": question["path_id"],
        "knots": len(path.knots),
        "file": question["to"],
        "tensors": list(tensors),
        "dtype": metadata["dtype"],
    }


def path_of(question: Answer) -> tuple[Curve, Joined]:
    """A path and the two models that it joins, with the problem it lives in."""
    models = [msgspec.convert(model, InputModel) for model in question["models"]]
    path = Curve.load(Path(question["path"]), sha256=question["sha256"])
    return path, open_joined(models, path.norms, "cpu", question["root"])


QUESTIONS: dict[str, Callable[[Answer], Answer]] = {
    "download": download,
    "data": data,
    "network": network,
    "applicability": applicability,
    "checkpoints": checkpoints,
    "state": state,
    "point": point,
    "facts": facts,
    "verify": verify,
    "points": points,
    "knots": knots,
}


def answer_to(question: Answer) -> Answer:
    try:
        return QUESTIONS[question["question"]](question)
    except KeysError as error:
        return {"usage": str(error), "rows": error.rows, "proposed": error.proposed}
    except UsageError as error:
        return {"usage": str(error)}
    except BaseException as error:  # noqa: BLE001 - whatever it was, the one who asked is told
        traceback.print_exc()
        kind, sentence = cause_of(error)
        return {"failed": sentence, "kind": kind}


def private_streams() -> tuple[TextIO, TextIO]:
    """Standard input and output, reserved for answers: a network file may read and print."""
    questions, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return questions, answers


def main() -> int:
    questions, answers = private_streams()
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in questions:
        print(json.dumps(answer_to(json.loads(line))), file=answers, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
