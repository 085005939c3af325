"""What a job reports and leaves behind: plain records, one JSON line each. Imports no torch.

A worker appends `Event` lines to a file; whoever reads the file may read it twice. Fields of the results
are the catalogue's column names.
"""

import json
from math import inf, isnan
from typing import Any, Literal

import msgspec

from core.errors import printable

YES, OPEN, NO = 1.0, 0.0, -1.0
#: What a measurement is: a number to draw, one of these answers, the answer to a theorem's assumption, or a number that
#: only says what an answer is about.
Role = Literal["value", "verdict", "assumption", "aside"]


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """One line of a job's journal."""


class Beat(Event, frozen=True, kw_only=True, tag="beat"):
    """The job is alive at `at` (seconds since the epoch); how far it is."""

    at: float
    fraction: float | None = None
    eta_seconds: float | None = None
    message: str | None = None


class MetricsSaid(Event, frozen=True, kw_only=True, tag="metrics"):
    """Points of curves: name, step, value (None: no number), seconds since the job began."""

    points: list[tuple[str, int, float | None, float]]


class CurveSaid(Event, frozen=True, kw_only=True, tag="curve"):
    """What the points of a metric are, said before the first of them.

    Its steps count `unit` (epoch, layer, beads); curves of one `family` (loss, gaps) are drawn together; `position` is
    that of the model that it is of, where the run makes several.
    """

    name: str
    unit: str
    family: str
    position: int | None = None


class Environment(Event, frozen=True, kw_only=True, tag="environment"):
    """What the job runs on: versions, device, threads, host."""

    facts: dict[str, Any]


class ModelMade(Event, frozen=True, kw_only=True, tag="model"):
    """A model whose tensors are in `file` of the run's folder."""

    position: int
    file: str
    network: str
    data: str
    loss: str
    architecture: str
    data_fingerprint: str
    parameters: int
    seed: int | None
    dtype: str
    train_loss: float
    train_error: float | None
    test_loss: float | None
    test_error: float | None
    epochs: int | None
    reached: bool | None
    seconds: float
    name: str | None = None
    role: str = "trained"
    source: dict[str, Any] | None = None


class SegmentMade(msgspec.Struct, frozen=True, kw_only=True):
    """One segment of a path with the claim of its maker and the checker's verdict on it."""

    position: int
    kind: str
    claim: str
    verdict: str
    reason: str
    bound: float | None
    residual: float
    length: float
    certificate: str | None = None
    seen: float | None = None
    pieces: int | None = None


class PointMade(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One point of a path's profile."""

    t: float
    segment: int
    train_loss: float | None
    train_error: float | None
    test_loss: float | None
    test_error: float | None


class PathMade(Event, frozen=True, kw_only=True, tag="path"):
    """A path whose tensors are in `file`; `values` are the columns of the catalogue's paths.

    Without `model_b` it leads to the model that the same run left first. What its certificate says of pieces may lie in
    `pieces_file`.
    """

    position: int
    file: str
    model_a: int
    model_b: int | None
    values: dict[str, Any]
    segments: list[SegmentMade]
    points: list[PointMade]
    pieces_file: str | None = None


class CertificateMade(Event, frozen=True, kw_only=True, tag="certificate"):
    """Another certificate of a path: how high its loss can be, and segment by segment. What its pieces say may be in
    `file`.
    """

    path_id: int
    kind: Literal["exact", "identity", "enclosed", "sampled"]
    level: float
    seen: float
    drift: float | None
    residual: float
    pieces: int
    slack: float | None = None
    passes: int | None = None
    error_level: float | None = None
    test_level: float | None = None
    test_error_level: float | None = None
    penalised_level: float | None = None
    ridge: float | None = None
    l1: float | None = None
    segments: list[SegmentMade] = []
    file: str | None = None


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """One number of a bound: of a layer (None: of the whole), of a draw (None: no draws).

    Numbers of one `family` are drawn together ("": those of its name alone); what a draw is, `draws` says.
    """

    name: str
    value: float | None
    layer: int | None = None
    draw: int | None = None
    family: str = ""
    role: Role = "value"
    draws: str = "draw"


class BoundMade(Event, frozen=True, kw_only=True, tag="bound"):
    """A quantity of one model, with all its measurements; a grid that it left lies in `file`."""

    position: int
    model_id: int
    kind: str
    value: float | None
    layer_count: int | None
    summary: str
    seconds: float
    measurements: list[Measurement]
    file: str | None = None


class Ended(Event, frozen=True, kw_only=True, tag="ended"):
    """The last line: how the job ended (done, failed, cancelled), and why."""

    state: Literal["done", "failed", "cancelled"]
    cause_kind: str | None = None
    cause: str | None = None


AnyEvent = Beat | CurveSaid | MetricsSaid | Environment | ModelMade | PathMade | CertificateMade | BoundMade | Ended
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


def to_line(event: Event) -> bytes:
    """One line, with its end, whatever its texts contain.

    Infinite numbers are written as Python's json does, Infinity, and what is no number as null.
    """
    plain = msgspec.to_builtins(event)
    try:
        return _encoded(plain, allow_nan=False)
    except ValueError:  # an infinite number, NaN, or the name of a file that is not valid UTF-8
        return _encoded(_sayable(plain), allow_nan=True)


def _encoded(plain: Any, *, allow_nan: bool) -> bytes:
    return json.dumps(plain, allow_nan=allow_nan, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _sayable(value: Any) -> Any:
    match value:
        case str():
            return printable(value)
        case float():
            return None if isnan(value) else value
        case list() | tuple():
            return [_sayable(one) for one in value]
        case dict():
            return {printable(name): _sayable(one) for name, one in value.items()}
        case _:
            return value


def from_line(line: bytes) -> AnyEvent:
    """The inverse of `to_line`. Raises msgspec.DecodeError."""
    if b"Infinity" not in line:
        return _decoder.decode(line)
    try:
        plain = json.loads(line)
    except ValueError as error:
        raise msgspec.DecodeError(str(error)) from None
    event: AnyEvent = msgspec.convert(plain, AnyEvent)
    return event


def beyond_rounding(excess: float, drift: float | None) -> float:
    """How far a level is above a loss; 0 where rounding alone may be what it rises by (`drift`; None: not known)."""
    return 0.0 if drift is not None and 0 <= excess <= drift else excess


def as_loss(value: float) -> float:
    """A loss as it is kept: one that is not a number counts as infinite."""
    return inf if isnan(value) else value
