"""Rows of the catalogue in JSON's types."""

import json
import math
from datetime import datetime
from typing import Any

from tui.shared.columns import Row


def decoded(row: Row) -> Row:
    """A row for JSON: columns that hold JSON text become what they hold, also within lists of rows."""
    return {key: _decoded(key, one) for key, one in row.items()}


def _decoded(key: str, given: Any) -> Any:
    if isinstance(given, list):
        return [decoded(one) if isinstance(one, dict) else one for one in given]
    if key not in ("spec", "environment", "source"):
        return given
    try:
        return json.loads(given)
    except (TypeError, ValueError):
        return given


def plain(given: Any) -> Any:
    """The same in JSON's types."""
    match given:
        case None | bool() | int() | str():
            return given
        case float():
            return given if math.isfinite(given) else None if math.isnan(given) else str(given)
        case dict():
            return {str(key): plain(one) for key, one in given.items()}
        case list() | tuple():
            return [plain(one) for one in given]
        case datetime():
            return given.isoformat().replace("+00:00", "Z")
        case _:
            return str(given)
