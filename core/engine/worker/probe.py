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
from torch import Tensor

from core.certify.enclosed import Wanted
from core.data.load import load
from core.engine.worker.applicability import applicable, parts_of
from core.engine.worker.causes import cause_of
from core.engine.worker.exporting import FLOAT64, about_knots, knots_of, points_of, write
from core.engine.worker.facts import environment
from core.engine.worker.verifying import verify_path
from core.errors import ThalwegError, UsageError
from core.examination import examine
from core.input_files import InputModel
from core.losses import are_labels, loss_named
from core.networks.architectures import build
from core.opening import open_models
from core.path import Path as Curve
from core.problem import Problem
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

    `seeded` is whether its start depends on the seed.
    """
    spec = read_data(question["data"])
    shape, outputs = spec.shape, spec.classes
    if shape is None or outputs is None:
        dataset = load(spec, Path(question["root"]))
        shape, outputs = dataset.train.shape, dataset.outputs
    made = build(read_network(question["network"]), shape, outputs)
    widths = None if made.layered is None else [layer.outputs for layer in made.layered.layers[:-1]]
    return {"hidden_widths": widths, "without": made.without, "seeded": made.seeded}


def applicability(question: Answer) -> Answer:
    """What a network consists of on a data set, and what every method would make of its models."""
    found = load(read_data(question["data"]), Path(question["root"]))
    made = build(read_network(question["network"]), found.train.shape, found.outputs)
    loss = loss_named(question["loss"], found.classes)
    problem = Problem(made.module, found, loss, made.layered, without=made.without)
    return {
        "parameters": problem.layout.total,
        "chain": made.layered is not None,
        "without": made.without,
        "parts": [asdict(one) for one in parts_of(made.module)],
        "methods": [asdict(one) for one in applicable(made, problem)],
    }


def facts(question: Answer) -> Answer:  # noqa: ARG001 - there is nothing to ask beyond the question itself
    """Versions, devices and memory."""
    device = "cuda:0" if torch.cuda.is_available() else "cpu"
    return environment(device)


def verify(question: Answer) -> Answer:
    """Decide every claim of a path anew, in float64, and say what follows."""
    path, problem, ends = path_of(question)
    again = None if question["pieces"] is None else Wanted.again(Path(question["pieces"]), question["level"])
    return {
        "id": question["path_id"],
        **verify_path(path, ends, examine(problem.to(problem.device, torch.float64), path, wanted=again)),
    }


def points(question: Answer) -> Answer:
    """Write parameter vectors along a path, equally spaced in t; of an enclosed one in float64, as it is proven."""
    path, problem, _ = path_of(question)
    first = msgspec.convert(question["models"][0], InputModel)
    dtype = {"dtype": first.dtype}
    if question["certificate"] == "enclosed":
        path, problem = path.cast(torch.float64), problem.to(problem.device, torch.float64)
        dtype = {"dtype": "float64", "dtype_reason": FLOAT64}
    tensors = points_of(path, problem, question["count"])
    metadata = {"network": first.network, "data": first.data, "path": str(question["path_id"]), **dtype}
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
    path, problem, _ = path_of(question)
    tensors = knots_of(path, problem, None if question["pieces"] is None else Path(question["pieces"]))
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


def path_of(question: Answer) -> tuple[Curve, Problem, list[Tensor]]:
    """A path with the problem it lives in and the two models (P,) that it joins."""
    models = [msgspec.convert(model, InputModel) for model in question["models"]]
    path = Curve.load(Path(question["path"]), sha256=question["sha256"])
    return path, *open_models(models, "cpu", question["root"])


QUESTIONS: dict[str, Callable[[Answer], Answer]] = {
    "download": download,
    "data": data,
    "network": network,
    "applicability": applicability,
    "facts": facts,
    "verify": verify,
    "points": points,
    "knots": knots,
}


def answer_to(question: Answer) -> Answer:
    try:
        return QUESTIONS[question["question"]](question)
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
