"""A catalogue in a real file."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from store import Catalogue


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    with Catalogue.open(tmp_path / "catalogue.sqlite") as opened:
        yield opened


@pytest.fixture
def session(catalogue: Catalogue) -> Iterator[Session]:
    with catalogue.write() as opened:
        yield opened


@pytest.fixture
def tensors(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(content: bytes) -> Path:
        path = tmp_path / "tensors"
        path.write_bytes(content)
        return path

    return write
