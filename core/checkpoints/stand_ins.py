"""Stand-ins for the classes that a file names: they hold what the file says of an object, and do nothing.

Nothing is imported for them and nothing of theirs runs, whatever the file says. What names code, not data, is refused
all the same, so that nobody takes such a file for a harmless one.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from core.errors import UsageError

MODULES = """
_io _posixsubprocess _thread asyncio bdb cProfile code codeop commands ctypes distutils doctest ensurepip ftplib http
imp importlib inspect io linecache marshal multiprocessing nt operator os pdb pickle pip pkgutil posix posixpath profile
pty requests runpy shelve shutil signal smtplib socket ssl subprocess sys tempfile threading timeit trace types urllib
venv webbrowser zipimport
"""
TYPES = "bool bytearray bytes complex dict float frozenset int list object range set slice str tuple"
OF_CODE = frozenset(MODULES.split())  # their functions act on the machine, and are nobody's data
DATA = frozenset(TYPES.split())  # Python's own
PLAIN = frozenset(("types.SimpleNamespace", "types.MappingProxyType", "_io.BytesIO"))  # data of such modules
DICTS = frozenset(
    (
        "collections.defaultdict",
        "lightning_fabric.utilities.data.AttributeDict",
        "lightning.fabric.utilities.data.AttributeDict",
        "pytorch_lightning.utilities.parsing.AttributeDict",
    )
)
LISTS = frozenset(("collections.deque",))


class Record:
    """An object of a class that is not loaded: what it was made with, and what was set of it."""

    def __new__(cls, *_: object, **__: object) -> "Record":
        return super().__new__(cls)

    def __init__(self, *made_with: object, **_: object) -> None:
        self.made_with = made_with
        self.state: object = None

    def __setstate__(self, state: object) -> None:
        self.state = state


class Plain:
    """Makes an empty dict or list, whatever it is given: the file then fills it."""

    makes: type[dict[object, object]] | type[list[object]]

    def __new__(cls, *_: object) -> object:  # type: ignore[misc]
        return cls.makes()


def stand_ins(names: Iterable[str]) -> list[Callable[..., object] | tuple[Callable[..., object], str]]:
    """One for each full name of a class or function, as `torch.serialization.safe_globals` takes them."""
    return [(_stand_in(name), name) for name in names]


def _stand_in(name: str) -> type:
    if name in DICTS | LISTS:
        return type("StandIn", (Plain,), {"makes": dict if name in DICTS else list})
    return type("StandIn", (Record,), {"__doc__": name})


def require_data(names: Sequence[str], file: Path) -> None:
    """Raise UsageError where a file names code."""
    if code := sorted(filter(is_code, names)):
        raise UsageError(
            f"{file} would run {code[0]} when it is unpickled, and is not read: take the weights from somewhere else."
        )


def is_code(name: str) -> bool:
    """Whether a full name is that of something that acts on the machine."""
    module, _, own = name.partition(".")
    return own not in DATA if module == "builtins" else module in OF_CODE and name not in PLAIN
