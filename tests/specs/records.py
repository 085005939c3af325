"""Hypothesis strategies for any record of options, made from its declared types and limits."""

import shlex
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from hypothesis import reject
from hypothesis import strategies as st
from msgspec import inspect as types

from core.errors import UsageError
from core.specs.names import write_widths
from core.specs.options import Options
from core.specs.runs import Reference

T = TypeVar("T", bound=Options)

widths = st.lists(st.integers(1, 50), min_size=1, max_size=6).map(tuple)
names = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
paths = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters=","), max_size=12).map(
    lambda text: f"/data/{text.strip()}"
)


def references_to(ref: type[Reference]) -> st.SearchStrategy[Reference]:
    """Rows that exist, and what runs make."""
    made = st.builds(ref, run=st.integers(1, 99), position=st.integers(0, 9))
    return st.builds(ref.to, st.integers(1, 99)) | made


#: Texts and tuples that have a form of their own.
SPECIAL: dict[str, st.SearchStrategy[Any]] = {
    "channels": widths.map(write_widths),
    "hidden": widths.map(write_widths),
    "kernel": st.integers(0, 13).map(lambda half: 2 * half + 1),
    "coefficients": st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=4).map(lambda some: "/".join(map(str, some))),
    "widths": widths,
    "path": paths,
    "source": paths.map(lambda path: f"{path}.py:make"),
    "files": st.lists(paths, min_size=1, max_size=3).map(shlex.join),
    "map": st.none() | st.sampled_from(["old.weight=weight", r"a\.(.*)=b.\1 c=d", "/data/map.json"]),
    "builder": st.from_regex(r"[a-z]\w{0,8}", fullmatch=True, alphabet=st.characters(codec="ascii")),
    "sha256": st.none() | st.from_regex("[0-9a-f]{64}", fullmatch=True),
}


@st.composite
def records(draw: st.DrawFn, record: type[T]) -> T:
    """Any valid record of the class."""
    info = types.type_info(record)
    assert isinstance(info, types.StructType)
    given = {}
    for field in info.fields:
        if field.required or draw(st.booleans()):
            number = (
                field.name == "hidden" and isinstance(field.type, types.Metadata) and field.type.type != types.StrType()
            )
            special = field.name in SPECIAL and not number and not isinstance(field.type, types.StructType)
            given[field.name] = draw(SPECIAL[field.name] if special else values(field.type))
    try:
        return record(**given)
    except UsageError:
        reject()


def values(kind: types.Type) -> st.SearchStrategy[Any]:
    """Values of a declared type, within its limits."""
    match kind:
        case types.Metadata():
            drawn = values(kind.type)
        case types.UnionType():
            drawn = st.one_of(*(values(one) for one in kind.types))
        case types.IntType():
            low = kind.ge if kind.ge is not None else 0
            drawn = st.integers(low, kind.lt - 1 if kind.lt is not None else low + 10_000)
        case types.FloatType():
            drawn = _floats(kind)
        case types.StructType():
            drawn = references_to(kind.cls) if issubclass(kind.cls, Reference) else records(kind.cls)
        case types.VarTupleType():
            drawn = st.lists(values(kind.item_type), min_size=1, max_size=5).map(tuple)
        case types.LiteralType():
            drawn = st.sampled_from(kind.values)
        case _:
            drawn = {types.NoneType: st.none(), types.BoolType: st.booleans(), types.StrType: names}[type(kind)]
    return drawn


def _floats(kind: types.FloatType) -> st.SearchStrategy[float]:
    low = kind.ge if kind.ge is not None else kind.gt if kind.gt is not None else -1e12
    high = kind.le if kind.le is not None else kind.lt if kind.lt is not None else 1e12
    drawn = st.floats(low, high, exclude_min=kind.gt is not None, exclude_max=kind.lt is not None)
    return drawn.map(lambda x: x + 0.0)


def refusal(call: Callable[..., object], *arguments: object) -> str | None:
    """The sentence with which a call is refused; None where it is not."""
    try:
        call(*arguments)
    except UsageError as error:
        return str(error)
    return None


def plain(record: Options) -> dict[str, Any]:
    return dict(msgspec.structs.asdict(record))
