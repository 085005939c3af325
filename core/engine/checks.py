"""Everything about a request that can be known before it is enqueued, without torch."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from core.code_files import read_source, sha256_of
from core.data.files import data_root, locate, missing
from core.data.words import read_streams
from core.engine.checkpoint_files import listed, stamp
from core.engine.contents import Contents, contents_of
from core.engine.devices import installed_devices
from core.engine.model_inputs import find
from core.engine.probe import Ask
from core.errors import UsageError
from core.networks.source import several_of_one_start
from core.specs.batch_norm import no_lerp
from core.specs.bounds import Examined, Separability
from core.specs.checkpoints import HowToRead
from core.specs.compressing import Compressing, only_width, oracle_sizes
from core.specs.conditions import ModelFacts, check_genericity, check_separability
from core.specs.data import DataSpec, Words, read_data
from core.specs.kinds import chosen_options, inputs_of, kind, with_inputs
from core.specs.methods import Linear, Metric, String, metric_text, perplexity
from core.specs.networks import File, NetworkSpec, check_kind, read_network
from core.specs.options import Options
from core.specs.runs import (
    OF_LABELS,
    OF_VALUES,
    ONLY_LABELS,
    Connect,
    Import,
    Making,
    Reading,
    Reference,
    RunSpec,
    Train,
    from_json,
    name_of_options,
)
from core.specs.subnetworks import Dropping, Subnetworks, dropped_sizes, kept_sizes
from store import Catalogue, ModelRecord, Models, PathRecord, Run, Runs

DEVICES = "cpu, cuda or cuda:N"


def check_device(device: str | None) -> None:
    """Raise UsageError for a device of no known form, or one that this machine hasn't got.

    Only the agent knows which of the machine's devices it may use: a run for another one waits, and says why.
    """
    if device is None:
        return
    if not re.fullmatch(r"cpu|cuda(:[0-9]+)?", device):
        raise UsageError(f"Unknown device {device!r}. Available: {DEVICES}. Leave it out to have one chosen.")
    here = installed_devices()
    if not any(one == device or one.startswith(f"{device}:") for one in here):
        raise UsageError(f"This machine has no device {device}: it has {', '.join(here)}; leave --device out.")


def check(catalogue: Catalogue, spec: RunSpec, root: str | None, ask: Ask) -> None:
    """Raise UsageError, NotFoundError or ArtifactError where a run is bound to fail; `ask` answers what needs torch."""
    match spec:
        case Train():
            check_training(spec, root, ask)
        case Import():
            check_import(spec, root, ask)
        case Connect():
            check_connection(catalogue, spec, root, ask)
        case _:
            for ref in inputs_of(spec):
                if ref.row_id is not None:
                    check_input(catalogue, spec, ref, root, ask)


def check_input(catalogue: Catalogue, spec: Reading, ref: Reference, root: str | None, ask: Ask) -> None:
    """A model is there, is whole and is what the run presupposes; a path, and the models that it joins."""
    with catalogue.read() as session:
        found = find(session, ref)
        ends = (
            [Models(session).get(one) for one in (found.model_a, found.model_b)]
            if isinstance(found, PathRecord)
            else []
        )
    if isinstance(found, ModelRecord):
        check_premises(chosen_options(spec) or spec, read_as(found, spec), root, ask)
    for one in (found, *ends):
        check_file(catalogue, one)


def with_settled_inputs(catalogue: Catalogue, spec: RunSpec) -> RunSpec:
    """The spec with what ended runs left in place of references to these runs.

    Raises NotFoundError or UsageError where a run that is meant can't leave such a thing.
    """
    return with_inputs(spec, partial(_settle_reference, catalogue))


def _settle_reference(catalogue: Catalogue, ref: Reference) -> Reference:
    if ref.run is None:
        return ref
    with catalogue.read() as session:
        run = Runs(session).get(ref.run)
        check_promise(run, ref)
        return ref.to(find(session, ref).id) if run.state == "done" else ref


def check_promise(run: Run, ref: Reference) -> None:
    """Raise UsageError where a run does not make what a reference to it means."""
    if run.state in ("failed", "cancelled"):
        how = "has failed" if run.state == "failed" else "was cancelled"
        raise UsageError(f"Run {run.id} {how}: give the id of a {ref.noun}, or relaunch that run first.")
    spec = from_json(run.spec)
    count = kind(spec).promised(f"{ref.noun}s", spec)
    if ref.position >= count:
        many = count or "none"
        raise UsageError(f"{ref} is not a {ref.noun}: run {run.id}, a {run.kind}, makes {many}, numbered from 0.")


def check_training(spec: Train, root: str | None, ask: Ask) -> None:
    """Network, data, loss and goal fit each other, and the data is here or can be had."""
    network, data = read_network(spec.network), read_data(spec.data)
    if not data.own:
        check_metric(spec.on, data, spec.loss)
    check_metric(spec.on, check_problem(spec, root, ask), spec.loss)
    if network.foreign and not ask(network_question(network, str(data), root))["seeded"] and spec.count > 1:
        raise UsageError(several_of_one_start(network.short_text, spec.count))


def check_import(spec: Import, root: str | None, ask: Ask) -> None:
    """The files are checkpoints of the network, to the last name."""
    files = listed(spec)
    known = check_problem(spec, root, ask)
    network, data = read_network(spec.network), read_data(spec.data)
    if spec.expect_accuracy is not None and (known.words or (known.regression and spec.loss != OF_LABELS)):
        raise UsageError(f"{data} has no classes, so models have no accuracy: leave --expect-accuracy out.")
    asked = network_question(network, str(data), root) | {"question": "checkpoints", "files": [*map(str, files)]}
    how = {name: getattr(spec, name) for name in HowToRead.__struct_fields__}
    ask({**asked, "how": how, "stamps": [stamp(file) for file in files]})


def check_problem(spec: Making, root: str | None, ask: Ask) -> DataSpec | Contents:
    """Network, data and loss fit each other, and the data is here or can be had; what is known of the data."""
    network, data = read_network(spec.network), read_data(spec.data)
    if data.shape is not None:
        network.check_input(data.shape)
    there = data.train_samples
    if data.limit is not None and there is not None and data.limit > there:
        raise UsageError(f"{spec.data}: limit={data.limit} is more than the {there} train samples available.")
    check_loss(spec.loss, data)
    check_kind(network, data)
    check_data(data, root, ask)
    if not data.own:
        return data
    contents = contents_of(data, root, ask)
    if not network.foreign:
        network.check_input(contents.shape)
    check_loss(spec.loss, contents)
    return contents


def check_loss(loss: str | None, data: DataSpec | Contents) -> None:
    """Raise UsageError for a loss that can't compare outputs with what this data set has."""
    if data.regression and loss not in (None, *OF_VALUES):
        raise UsageError(f"The loss {loss} needs classes and {data} has none: use the square loss, or absolute.")
    if loss == OF_LABELS and not data.labels:
        raise UsageError(ONLY_LABELS)


def check_metric(metric: Metric, data: DataSpec | Contents, loss: str | None) -> None:
    """Raise UsageError where models of this loss (None: the data set's own) on this data set have no such metric."""
    lacks = "no test samples" if metric.startswith("test") and not data.tested else ""
    lacks = lacks or ("no classes" if metric.endswith("error") and data.regression and loss != OF_LABELS else "")
    lacks = lacks or ("no words" if metric.endswith("perplexity") and not data.words else "")
    if lacks:
        raise UsageError(f"{data} has {lacks}, so models have no {metric_text(metric)}: choose another with on=METRIC.")
    if metric.endswith("perplexity") and loss not in (None, "cross-entropy"):
        raise UsageError(
            f"A perplexity is the exponential of the cross-entropy, and the loss is {loss}: choose another metric with "
            "on=METRIC."
        )


def network_question(network: NetworkSpec, data: str, root: str | None, *, folded: bool = False) -> dict[str, Any]:
    """The question what a network is, on a data set; its answer holds as long as a file has the content it has now.

    With `folded` it is asked about as it is without its batch-norms.
    """
    content = None
    if isinstance(network, File):
        content = sha256_of(read_source(network))
        network = network if network.sha256 else network.pinned(content)
    asked = {"question": "network", "network": str(network), "data": data, "root": str(data_root(root))}
    return {**asked, "content": content, "folded": folded}


def check_data(data: DataSpec, root: str | None, ask: Ask) -> None:
    """Raise UsageError where the data set's files are not on disk and can't be downloaded, or are too short a text."""
    where = data_root(root)
    if locate(data, where) is None:
        answer = ask({"question": "download", "data": str(data), "root": str(where)})
        if not answer["found"]:
            raise UsageError(missing(data, where))
    if isinstance(data, Words) and (place := locate(data, where)) is not None:
        read_streams(data, place)


def check_file(catalogue: Catalogue, row: ModelRecord | PathRecord) -> None:
    """Raise ArtifactError if the size or time of a model's or path's file has changed; its reader checks the hash."""
    with catalogue.read() as session:
        catalogue.artifacts.require_unchanged(row.artifact or "", session)


def read_as(model: ModelRecord, spec: Reading) -> ModelRecord:
    """The model with the network that a run reads it as."""
    return replace(model, network=spec.network or model.network)


def check_connection(catalogue: Catalogue, spec: Connect, root: str | None, ask: Ask) -> None:
    """The models of every pair exist, are whole, are two, and all of one kind; their losses allow the threshold."""
    with catalogue.read() as session:
        found = {ref: read_as(find(session, ref), spec) for pair in spec.ends for ref in pair if ref.model is not None}
    check_pairs(spec)
    models = list(found.values())
    for model in models[1:]:
        check_same_problem(models[0], model, of_pairs=spec.count > 1)
    if models:
        check_norms(spec, models[0], root, ask)
        check_premises(spec.method, models[0], root, ask, folded=spec.bn == "fold")
    for model in models:
        check_file(catalogue, model)
    for model in models:
        check_threshold(spec, model, root, ask)


def check_norms(spec: Connect, model: ModelRecord, root: str | None, ask: Ask) -> None:
    """Raise UsageError where the statistics of batch-norms can't be had as requested."""
    if spec.bn == "fold" and model.network is not None and read_network(model.network).foreign:
        ask(network_question(read_network(model.network), model.data or "", root, folded=True))
    if spec.bn == "lerp" and not isinstance(spec.method, Linear) and has_norms(model, root, ask):
        raise UsageError(no_lerp(name_of_options(spec.method)))


def has_norms(model: ModelRecord, root: str | None, ask: Ask) -> bool:
    """Whether the model's network has batch-norm."""
    network = read_network(model.network or "")
    return network.foreign and bool(ask(network_question(network, model.data or "", root))["norms"])


def check_pairs(spec: Connect) -> None:
    """Raise UsageError for a model that is to be joined to itself, or a pair that is there twice."""
    seen = set()
    for a, b in spec.ends:
        if a == b:
            raise UsageError(f"A path joins two models, and both are {a}: give two different ones.")
        if (a, b) in seen:
            raise UsageError(f"The pair {a} {b} is given twice: give each pair once.")
        seen.add((a, b))


def check_same_problem(a: ModelRecord, b: ModelRecord, *, of_pairs: bool) -> None:
    """Raise UsageError for two models that no path can join, or that are not for one run."""
    joined = "all pairs of a run are" if of_pairs else "a path joins two models"
    for what, of_a, of_b, same in (
        ("data", a.data, b.data, a.data_fingerprint == b.data_fingerprint),
        ("architecture", network_text(a), network_text(b), a.architecture == b.architecture and a.network == b.network),
        ("loss", a.loss, b.loss, a.loss == b.loss),
        ("dtype", a.dtype, b.dtype, a.dtype == b.dtype),
    ):
        if not same:
            names = f"{of_a} and {of_b}" if of_a != of_b else f"both are called {of_a}, but their contents differ"
            raise UsageError(
                f"Models {a.id} and {b.id} differ in their {what} ({names}): {joined} of one network, data set, loss "
                "and dtype."
            )


def network_text(model: ModelRecord) -> str | None:
    """A model's network as it is written in a sentence."""
    return None if model.network is None else read_network(model.network).short_text


def check_premises(
    options: Options, model: ModelRecord, root: str | None, ask: Ask, *, folded: bool | None = None
) -> None:
    """What is known here of what a method, bound or run presupposes: a view by layers, widths, float64."""
    if model.network is None:
        return
    if options.needs_layers:
        check_layers(options, model, root, ask, folded=folded)
    if options.needs_float64 and model.dtype == "float32":
        what = name_of_options(options)
        raise UsageError(f"{what} needs float64, and model {model.id} is in float32: train with --dtype float64.")


def check_layers(options: Options, model: ModelRecord, root: str | None, ask: Ask, *, folded: bool | None) -> None:
    """The model's network has a view by layers, and they are wide enough."""
    widths = hidden_widths(name_of_options(options), model, root, ask, folded=folded)
    match options:
        case Subnetworks():
            kept_sizes(options, widths)
        case Dropping():
            dropped_sizes(options.drop, widths)
        case Compressing():
            oracle_sizes(options, only_width(name_of_options(options), widths))
        case Examined():
            check_examined(options, model, widths)


def check_examined(options: Examined, model: ModelRecord, widths: Sequence[int]) -> None:
    """What the corollaries ask of network and loss, as far as it is known here."""
    assert model.network is not None
    assert model.data is not None
    network, data = read_network(model.network), read_data(model.data)
    relu = getattr(network, "activation", "relu") == "relu"
    biases = getattr(network, "bias", True)
    asked = ModelFacts(widths, data.classes, not data.regression, model.loss or "", relu, biases)
    check = check_separability if isinstance(options, Separability) else check_genericity
    check(asked)
    there = data.limit or data.train_samples
    if options.samples is not None and there is not None and options.samples > there:
        raise UsageError(f"samples={options.samples} is more than the {there} train samples of {model.data}.")


def hidden_widths(
    purpose: str, model: ModelRecord, root: str | None, ask: Ask, *, folded: bool | None = None
) -> Sequence[int]:
    """Of a model's network. Raises UsageError where it has no view by layers, which `what` needs.

    `folded` says whether it has its batch-norms folded; None where there is no choice.
    """
    network = read_network(model.network or "")
    if network.hidden_widths is not None:
        return network.hidden_widths
    answer = ask(network_question(network, model.data or "", root, folded=bool(folded)))
    widths: Sequence[int] | None = answer["hidden_widths"]
    if widths is None:
        chain = folded is False and answer["norms"] and _is_chain_folded(network, model, root, ask)
        folding = " With bn=fold, which folds its batch-norms, it is one." if chain else ""
        raise UsageError(
            f"{purpose} needs a chain of layers, and the network of model {model.id} is not one: {answer['without']}; "
            f"linear and string join any two models, and vgg11 or a plain nn.Sequential is such a chain.{folding}"
        )
    return widths


def _is_chain_folded(network: NetworkSpec, model: ModelRecord, root: str | None, ask: Ask) -> bool:
    """Whether a network is a chain of layers once its batch-norms are folded."""
    try:
        return ask(network_question(network, model.data or "", root, folded=True))["hidden_widths"] is not None
    except UsageError:
        return False


def stored_value(model: ModelRecord, metric: Metric) -> float | None:
    """A metric of a model as the catalogue has it."""
    part, _, what = metric.partition("-")
    stored: float | None = getattr(model, f"{part}_{'error' if what == 'error' else 'loss'}")
    return stored if stored is None or what != "perplexity" else perplexity(stored)


def check_threshold(spec: Connect, model: ModelRecord, root: str | None, ask: Ask) -> None:
    """A string needs both ends below its threshold: compare the stored values.

    Where statistics of batch-norms are recomputed they say little.
    """
    if not isinstance(spec.method, String) or spec.below is None:
        return
    metric = metric_text(spec.method.on)
    check_metric(spec.method.on, read_data(model.data or ""), model.loss)
    stored = stored_value(model, spec.method.on)
    if stored is None:
        raise UsageError(f"Model {model.id} has no {metric}: choose another metric with -o on=train-loss.")
    if stored > spec.below * (1 + 1e-6) and not (spec.bn == "data" and has_norms(model, root, ask)):
        raise UsageError(
            f"The {metric} of model {model.id} is {stored:.6g}, above the threshold {spec.below:g}: a string "
            "needs both ends below it; train further or choose a higher --below."
        )
