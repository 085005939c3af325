"""Everything about a request that can be known before it is enqueued, without torch."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from core.data.files import data_root, locate, missing
from core.engine.desk import ask
from core.engine.devices import devices
from core.engine.inputs import as_input, find
from core.errors import UsageError
from core.networks.source import several_of_one_start
from core.specs.bounds import Assumptions, Examined, Rank, Separability, Unbounded
from core.specs.conditions import Asked, check_genericity, check_separability
from core.specs.data import DataSpec, read_data
from core.specs.kinds import chosen_options, kind, with_inputs
from core.specs.methods import String, Wide
from core.specs.networks import read_network
from core.specs.options import Options
from core.specs.runs import (
    Bound,
    Connect,
    Descend,
    ModelRef,
    RunSpec,
    Swap,
    Train,
    from_json,
    name_of_options,
)
from core.specs.subnetworks import Dropping, Subnetworks, dropped_sizes, kept_sizes
from store import Catalogue, Model, Run, Runs

DEVICES = "cpu, cuda or cuda:N"
#: Options and runs that need a view by layers.
LAYERED = Subnetworks | Dropping | Examined | Rank | Unbounded | Assumptions | Wide | Swap | Descend


def check_device(device: str | None) -> None:
    """Raise UsageError for a device of no known form."""
    name, _, number = (device or "cpu").partition(":")
    if name not in ("cpu", "cuda") or (number and not number.isdecimal()) or (name == "cpu" and ":" in (device or "")):
        raise UsageError(f"There is no device {device!r}: known are {DEVICES}; leave it out to have one chosen.")
    here = [one.name for one in devices()]
    if device is not None and not any(one == device or one.startswith(f"{device}:") for one in here):
        raise UsageError(f"This machine has no device {device}: it has {', '.join(here)}; leave --device out.")


def check(catalogue: Catalogue, spec: RunSpec, root: str | None) -> None:
    """Raise UsageError, NotFoundError or ArtifactError where a run is bound to fail."""
    match spec:
        case Train():
            check_training(spec, root)
        case Connect():
            check_connection(catalogue, spec, root)
        case _:
            if spec.model.model is not None:
                model = read_as(find(catalogue, spec.model), spec)
                check_premises(chosen_options(spec) or spec, model, root)
                as_input(catalogue, model)


def settled(catalogue: Catalogue, spec: RunSpec) -> RunSpec:
    """The spec with the models that ended runs left in place of references to these runs.

    Raises NotFoundError or UsageError where a run that is meant can't leave such a model.
    """
    return with_inputs(spec, partial(_settled, catalogue))


def _settled(catalogue: Catalogue, ref: ModelRef) -> ModelRef:
    if ref.run is None:
        return ref
    with catalogue.read() as session:
        run = Runs(session).get(ref.run)
    check_promise(run, ref)
    return ModelRef(model=find(catalogue, ref).id) if run.state == "done" else ref


def check_promise(run: Run, ref: ModelRef) -> None:
    """Raise UsageError where a run does not make the model that a reference to it means."""
    if run.state in ("failed", "cancelled"):
        how = "has failed" if run.state == "failed" else "was cancelled"
        raise UsageError(f"Run {run.id} {how}: give the id of a model, or relaunch that run first.")
    spec = from_json(run.spec)
    count = kind(spec).promised("models", spec)
    if ref.position >= count:
        raise UsageError(f"{ref} is no model: run {run.id}, a {run.kind}, makes {count or 'none'}, counted from 0.")


def check_training(spec: Train, root: str | None) -> None:
    """Network, data and loss fit each other, and the data is here or can be had."""
    network, data = read_network(spec.network), read_data(spec.data)
    if data.shape is not None:
        network.check_input(data.shape)
    if data.limit is not None and data.samples is not None and data.limit > data.samples:
        raise UsageError(f"{spec.data}: limit={data.limit} is more than the {data.samples} train samples there are.")
    if data.regression and spec.loss not in (None, "square"):
        raise UsageError(f"The loss {spec.loss} needs classes and {spec.data} has none: use the square loss.")
    check_data(data, root)
    if network.foreign:
        asked = {"question": "network", "network": str(network), "data": str(data), "root": str(data_root(root))}
        if not ask(asked)["seeded"] and spec.count > 1:
            raise UsageError(several_of_one_start(network.shown, spec.count))


def check_data(data: DataSpec, root: str | None) -> None:
    """Raise UsageError where the data set's files are not on disk and can't be downloaded."""
    where = data_root(root)
    if locate(data, where) is None:
        answer = ask({"question": "download", "data": str(data), "root": str(where)})
        if not answer["found"]:
            raise UsageError(missing(data, where))


def read_as(model: Model, spec: Connect | Swap | Bound | Descend) -> Model:
    """The model with the network that a run reads it as."""
    return replace(model, network=spec.network or model.network)


def check_connection(catalogue: Catalogue, spec: Connect, root: str | None) -> None:
    """The two models exist, are whole, are two, and are of one kind; their stored losses allow the threshold."""
    models = [read_as(find(catalogue, ref), spec) if ref.model is not None else None for ref in (spec.a, spec.b)]
    if spec.a == spec.b:
        raise UsageError(f"A path joins two models, and both are {spec.a}: give two different ones.")
    first, second = models
    if first is not None and second is not None:
        check_pair(first, second)
    if (known := first or second) is not None:
        check_premises(spec.method, known, root)
    for model in models:
        if model is not None:
            as_input(catalogue, model)
    for model in models:
        if model is not None:
            check_threshold(spec, model)


def check_pair(a: Model, b: Model) -> None:
    """Raise UsageError for two models that no path can join."""
    for what, of_a, of_b, same in (
        ("data", a.data, b.data, a.data_fingerprint == b.data_fingerprint),
        ("architecture", shown(a), shown(b), a.architecture == b.architecture and a.network == b.network),
        ("loss", a.loss, b.loss, a.loss == b.loss),
        ("dtype", a.dtype, b.dtype, a.dtype == b.dtype),
    ):
        if not same:
            names = f"{of_a} and {of_b}" if of_a != of_b else f"both are called {of_a}, but their contents differ"
            raise UsageError(
                f"Models {a.id} and {b.id} differ in their {what} ({names}): a path joins two models of "
                "one network, data set, loss and dtype."
            )


def shown(model: Model) -> str | None:
    """A model's network as it is written in a sentence."""
    return None if model.network is None else read_network(model.network).shown


def check_premises(options: Options, model: Model, root: str | None) -> None:
    """What is known here of what a method, bound or run presupposes: a view by layers, widths, float64."""
    if model.network is None or not isinstance(options, LAYERED):
        return
    widths = hidden_widths(name_of_options(options), model, root)
    match options:
        case Subnetworks():
            kept_sizes(options, widths)
        case Dropping():
            dropped_sizes(options.drop, widths)
        case Examined():
            check_examined(options, model, widths)
        case Wide() | Descend() if model.dtype == "float32":
            what = name_of_options(options)
            raise UsageError(f"{what} needs float64, and model {model.id} is in float32: train with --dtype float64.")


def check_examined(options: Examined, model: Model, widths: Sequence[int]) -> None:
    """What the corollaries ask of network and loss, as far as it is known here."""
    assert model.network is not None
    assert model.data is not None
    network, data = read_network(model.network), read_data(model.data)
    relu = getattr(network, "activation", "relu") == "relu"
    biases = getattr(network, "bias", True)
    asked = Asked(widths, data.classes, not data.regression, model.loss or "", relu, biases)
    check = check_separability if isinstance(options, Separability) else check_genericity
    check(asked)
    there = data.limit or data.samples
    if options.samples is not None and there is not None and options.samples > there:
        raise UsageError(f"samples={options.samples} is more than the {there} train samples of {model.data}.")


def hidden_widths(what: str, model: Model, root: str | None) -> Sequence[int]:
    """Of a model's network. Raises UsageError where it has no view by layers, which `what` needs."""
    network = read_network(model.network or "")
    if network.hidden_widths is not None:
        return network.hidden_widths
    question = {"question": "network", "network": str(network), "data": model.data, "root": str(data_root(root))}
    answer = ask(question)
    widths: Sequence[int] | None = answer["hidden_widths"]
    if widths is None:
        raise UsageError(
            f"{what} needs a chain of layers, and the network of model {model.id} is none: {answer['without']}; "
            "linear and string join any two models, and vgg11 or a plain nn.Sequential is such a chain."
        )
    return widths


def check_threshold(spec: Connect, model: Model) -> None:
    """A string needs both ends below its threshold; the stored values tell."""
    if not isinstance(spec.method, String) or spec.below is None:
        return
    stored: float | None = getattr(model, spec.method.on.replace("-", "_"))
    if stored is None:
        raise UsageError(f"Model {model.id} has no {spec.method.on}: choose another metric with -o on=train-loss.")
    if stored > spec.below * (1 + 1e-6):
        raise UsageError(
            f"The {spec.method.on} of model {model.id} is {stored:.6g}, above the threshold {spec.below:g}: a string "
            "needs both ends below it; train further or choose a higher --below."
        )
