"""The models and paths that a run reads: from references to files whose content was checked."""

from typing import NamedTuple, overload

from sqlalchemy.orm import Session

from core.errors import UsageError
from core.input_files import InputModel, InputPath
from core.specs.kinds import inputs_of, with_inputs
from core.specs.runs import Making, ModelRef, PathRef, Reference, RunSpec
from store import Catalogue, Certificates, ModelRecord, Models, PathRecord, Paths

OF_FILES = ("file", "sha256", "pieces")  # fields of a path that are not columns of the catalogue


class Inputs(NamedTuple):
    """What a job gets: see core.engine.folders.Job."""

    models: list[InputModel]
    paths: list[InputPath]


@overload
def find(session: Session, ref: ModelRef) -> ModelRecord: ...


@overload
def find(session: Session, ref: PathRef) -> PathRecord: ...


@overload
def find(session: Session, ref: Reference) -> ModelRecord | PathRecord: ...


def find(session: Session, ref: Reference) -> ModelRecord | PathRecord:
    """The row that a reference means. Raises NotFoundError or UsageError."""
    rows = Paths(session) if isinstance(ref, PathRef) else Models(session)
    if ref.row_id is not None:
        return rows.get(ref.row_id)
    made = {one.position: one for one in rows.made_by(ref.run or 0)}
    if ref.position not in made:
        raise UsageError(f"Run {ref.run} made no {ref.noun} at position {ref.position}: it made {len(made)}.")
    return made[ref.position]


def resolve(catalogue: Catalogue, spec: RunSpec) -> tuple[RunSpec, Inputs]:
    """The spec with ids only, and what these mean with their files verified.

    Raises NotFoundError, ArtifactError or UsageError.
    """
    with catalogue.read() as session:
        found = {ref: find(session, ref) for ref in inputs_of(spec)}
    spec = with_inputs(spec, lambda ref: ref.to(found[ref].id))
    network = None if isinstance(spec, Making) else spec.network
    inputs = Inputs([as_input(catalogue, one, network) for one in found.values() if isinstance(one, ModelRecord)], [])
    for one in found.values():
        if isinstance(one, PathRecord):
            ends, path = as_inputs(catalogue, one, network)
            there = {model.id for model in inputs.models}
            inputs.models.extend(end for end in ends if end.id not in there)
            inputs.paths.append(path)
    return spec, inputs


def as_inputs(catalogue: Catalogue, path: PathRecord, network: str | None = None) -> tuple[list[InputModel], InputPath]:
    """A path and the two models that it joins for a worker, as in `as_input`; by default of the path's network."""
    with catalogue.read() as session:
        ends = [Models(session).get(model_id) for model_id in (path.model_a, path.model_b)]
        best = Certificates(session).of(path.id)
    file = catalogue.artifacts.verified(path.artifact or "")
    pieces = best[0].artifact if best else None
    known = {name: getattr(path, name) for name in InputPath.__struct_fields__ if name not in OF_FILES}
    models = [as_input(catalogue, model, network or path.network) for model in ends]
    pieces_file = pieces and str(catalogue.artifacts.verified(pieces))
    return models, InputPath(file=str(file), sha256=path.artifact, pieces=pieces_file, **known)


def as_input(catalogue: Catalogue, model: ModelRecord, network: str | None = None) -> InputModel:
    """A model for a worker, its tensors verified against their sha256. Raises ArtifactError.

    Pass `network` to replace the model's own, for a network file that has changed and is trusted.
    """
    return InputModel(
        id=model.id,
        file=str(catalogue.artifacts.verified(model.artifact or "")),
        network=network or model.network or "",
        data=model.data or "",
        loss=model.loss or "",
        data_fingerprint=model.data_fingerprint or "",
        seed=model.seed or 0,
        dtype=model.dtype or "float32",
        epochs=model.epochs or 0,
        train_loss=model.train_loss,
        trusted=network not in (None, model.network),
        sha256=model.artifact,
    )
