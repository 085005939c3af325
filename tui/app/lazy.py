"""The one place where modules are imported when they are first used, so that the first frame waits for none of them.

The catalogue and the engine load SQLAlchemy, plots load numpy, and most sittings never open most screens.
"""

from importlib import import_module
from typing import Any


def imported(reference: str) -> Any:
    """What `module:name` leads to."""
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)
