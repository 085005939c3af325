"""What can go wrong with a catalogue: `str(error)` is one sentence for a user.

StoreError
├── NotFoundError   no row of that id
├── ArtifactError   a file of tensors is missing, truncated or changed
└── FilterError     a filter or sort text that cannot be understood
"""


class StoreError(Exception):
    """Base of all errors here: says what was wrong, what is allowed and what to do."""


class NotFoundError(StoreError):
    """There is no row of this kind ("model") and id."""

    def __init__(self, kind: str, row_id: object) -> None:
        self.kind, self.row_id = kind, row_id
        super().__init__(f"There is no {kind} {row_id}; `thalweg list {kind}s` shows what there is.")

    def __reduce__(self) -> tuple[type["NotFoundError"], tuple[str, object]]:
        return NotFoundError, (self.kind, self.row_id)  # the message alone could not rebuild it


class ArtifactError(StoreError):
    """An artifact is missing, of another size, or its content changed."""


class FilterError(StoreError):
    """A filter or sort text names no column, or compares it with what it cannot hold."""
