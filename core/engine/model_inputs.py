"""The models that a run reads: from references to files whose content was checked."""

from core.engine.folders import InputModel
from core.errors import UsageError
from core.specs.kinds import inputs_of, with_inputs
from core.specs.runs import ModelRef, RunSpec, Train
from store import Catalogue, Model, Models


def find(catalogue: Catalogue, ref: ModelRef) -> Model:
    """The model a reference means. Raises NotFoundError or UsageError."""
    with catalogue.read() as session:
        models = Models(session)
        if ref.model is not None:
            return models.get(ref.model)
        made = {model.position: model for model in models.made_by(ref.run or 0)}
    if ref.position not in made:
        raise UsageError(f"Run {ref.run} made no model at position {ref.position}: it made {len(made)}.")
    return made[ref.position]


def resolve(catalogue: Catalogue, spec: RunSpec) -> tuple[RunSpec, list[InputModel]]:
    """The spec with model ids only, and those models with their files verified.

    Raises NotFoundError, ArtifactError or UsageError.
    """
    found = {ref: find(catalogue, ref) for ref in inputs_of(spec)}
    spec = with_inputs(spec, lambda ref: ModelRef(model=found[ref].id))
    network = None if isinstance(spec, Train) else spec.network
    return spec, [as_input(catalogue, model, network) for model in found.values()]


def as_input(catalogue: Catalogue, model: Model, network: str | None = None) -> InputModel:
    """A model for a worker, its tensors verified against their sha256. Raises ArtifactError.

    `network` stands in place of the model's own, where its file has changed since and is trusted.
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
    )
