"""Files that make networks and data: their content when a run was requested, and now. Nothing in them runs here."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from core.code_files import changed_sentence, read_source, sha256_of
from core.engine.checkpoint_files import with_listed_files
from core.engine.model_inputs import find
from core.errors import UsageError
from core.specs.data import read_data
from core.specs.kinds import inputs_of
from core.specs.networks import File, read_network
from core.specs.own_data import DataFile
from core.specs.runs import Making, Reference, RunSpec
from store import Catalogue, Runs

F = TypeVar("F", File, DataFile)
Trust = Callable[[str], bool]  # whether a file is trusted of which this sentence says that it has changed


def current_network(network: str, trust: Trust) -> str:
    """A network's text with the sha256 of its file as it is now.

    Raises UsageError where the file can't be read, or has changed and isn't trusted.
    """
    spec = read_network(network)
    return str(_pinned_now(spec, trust)) if isinstance(spec, File) else network


def current_data(data: str, trust: Trust) -> str:
    """The same of a data set's text."""
    spec = read_data(data)
    return str(_pinned_now(spec, trust)) if isinstance(spec, DataFile) else data


def _pinned_now(spec: F, trust: Trust) -> F:
    now = sha256_of(read_source(spec))
    if spec.sha256 not in (None, now) and not trust(changed_sentence(spec, now)):
        raise UsageError(
            f"{changed_sentence(spec, now)} Restore it, or pass --trust-changed-file to use the new content."
        )
    return spec.pinned(now)


def with_pinned_network(catalogue: Catalogue, spec: RunSpec, trust: Trust) -> RunSpec:
    """A run's spec, with its network pinned to the file's present content, and checkpoints in place of their folder.

    Raises UsageError as above, NotFoundError for a model or path that isn't there.
    """
    if isinstance(spec, Making):
        network, data = current_network(spec.network, trust), current_data(spec.data, trust)
        return with_listed_files(msgspec.structs.replace(spec, network=network, data=data))
    read = [_made_for(catalogue, ref) for ref in inputs_of(spec)]
    for data in {data for _, data in read if data is not None}:
        require_same_data(data)
    known = {network for network, _ in read}
    before = {spec.network or network for network in known} - {None}
    now = {current_network(network, trust) for network in before if network is not None}
    if now == before or len(now) != 1:  # two networks: no path joins them, and the check says so
        return spec
    return msgspec.structs.replace(spec, network=now.pop())


def require_same_data(data: str) -> None:
    """Raise UsageError where the file that makes a data set has changed: whatever was trained on it depends on it."""
    spec = read_data(data)
    if isinstance(spec, DataFile) and (now := sha256_of(read_source(spec))) != spec.sha256:
        raise UsageError(f"{changed_sentence(spec, now)} Put the old content back, or train on the new data.")


def _made_for(catalogue: Catalogue, ref: Reference) -> tuple[str | None, str | None]:
    """Network and data of what a reference means, or of what a run is to make."""
    with catalogue.read() as session:
        found = find(session, ref) if ref.run is None else Runs(session).get(ref.run)
        return found.network, found.data
