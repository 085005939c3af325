"""`thalweg show network`: what a network consists of, and what applies to it."""

from typing import Any

from core.errors import UsageError
from core.specs.networks import read_network
from core.specs.runs import Loss, Train
from tui.cli.output import heading, note, pairs, print_json, say, table
from tui.shared.formatting import value

MOST = 40  # parts


def show_network(network: str, data: str | None, loss: Loss | None, data_root: str | None, *, as_json: bool) -> None:
    """Print it; nothing is trained, and no catalogue is needed. Raises UsageError for bad input."""
    if data is None:
        raise UsageError("A network depends on its data set: add --data, for example --data digits.")
    facts = _facts(network, data, loss, data_root)
    if as_json:
        print_json(facts)
        return
    heading(f"network {facts['network']} on {facts['data']}", first=True)
    chain = "yes" if facts["chain"] else f"no: {facts['without']}"
    pairs([("parameters", f"{facts['parameters']:,}"), ("chain of layers", chain)])
    heading("parts with parameters")
    parts = facts["parts"]
    table(
        ("part", "kind", "parameters"),
        [(one["name"] or "itself", one["kind"], value(one["parameters"])) for one in parts[:MOST]],
        squeeze=["kind"],
    )
    if len(parts) > MOST:
        say(f"and {len(parts) - MOST} more; --json gives all")
    heading("methods with default options, and the certificate of their paths")
    _print(facts["methods"])
    if facts["folded"] is not None:
        heading("the same with bn=fold")
        _print(facts["folded"])


def _print(found: list[dict[str, Any]] | str) -> None:
    """Methods and what they make of the network, or why nothing can be said of them."""
    if isinstance(found, str):
        say(found)
    else:
        pairs([(one["method"], _verdict(one)) for one in found])


def _facts(network: str, data: str, loss: Loss | None, data_root: str | None) -> dict[str, Any]:
    from core.engine.checks import check_training, network_question  # noqa: PLC0415 - SQLAlchemy, which --help goes without
    from core.engine.probe import Probe  # noqa: PLC0415 - psutil, subprocess and specs, which --help goes without

    spec = Train(network=network, data=data, loss=loss)
    note("Looking at the network ...")
    with Probe() as probe:
        ask = probe.new_asker()
        check_training(spec, data_root, ask)
        network_spec = read_network(network)
        question = network_question(network_spec, data, data_root)
        found = ask({**question, "question": "applicability", "loss": loss})
    return {"network": network_spec.short_text, "data": data, **found}


def _verdict(method: dict[str, Any]) -> str:
    """The certificate that its paths get, or that it doesn't apply; and why."""
    said = method["certificate"] or "doesn't apply"
    return f"{said}: {method['reason']}" if method["reason"] else said
