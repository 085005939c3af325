"""Network files: their content when a run was requested, and now. Nothing in them runs here."""

from collections.abc import Callable

import msgspec

from core.engine.checkpoint_files import with_listed_files
from core.engine.model_inputs import find
from core.errors import UsageError
from core.networks.source import changed_sentence, read_source, sha256_of
from core.specs.kinds import inputs_of
from core.specs.networks import File, read_network
from core.specs.runs import Making, Reference, RunSpec
from store import Catalogue, Runs

Trust = Callable[[str], bool]  # whether a file is trusted of which this sentence says that it has changed


def current_network(network: str, trust: Trust) -> str:
    """A network's text with the sha256 of its file as it is now.

    Raises UsageError where the file can't be read, or has changed and isn't trusted.
    """
    spec = read_network(network)
    if not isinstance(spec, File):
        return network
    now = sha256_of(read_source(spec))
    if spec.sha256 not in (None, now) and not trust(changed_sentence(spec, now)):
        raise UsageError(
            f"{changed_sentence(spec, now)} Restore it, or pass --trust-changed-file to use the new content."
        )
    return str(spec.pinned(now))


def with_pinned_network(catalogue: Catalogue, spec: RunSpec, trust: Trust) -> RunSpec:
    """A run's spec, with its network pinned to the file's present content, and checkpoints in place of their folder.

    Raises UsageError as above, NotFoundError for a model or path that isn't there.
    """
    if isinstance(spec, Making):
        return with_listed_files(msgspec.structs.replace(spec, network=current_network(spec.network, trust)))
    known = {_network_of(catalogue, ref) for ref in inputs_of(spec)}
    before = {spec.network or network for network in known} - {None}
    now = {current_network(network, trust) for network in before if network is not None}
    if now == before or len(now) != 1:  # two networks: no path joins them, and the check says so
        return spec
    return msgspec.structs.replace(spec, network=now.pop())


def _network_of(catalogue: Catalogue, ref: Reference) -> str | None:
    """Of what a reference means, or of what a run is to make."""
    with catalogue.read() as session:
        return find(session, ref).network if ref.run is None else Runs(session).get(ref.run).network
