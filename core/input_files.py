"""The models and paths that a job or a notebook reads: where their tensors are, and what was recorded of them.

Imports no torch.
"""

import msgspec


class InputModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that a job reads: its id, where its tensors lie, what it was trained for, and its train loss then.

    `trusted` says that the network is not as it was when the model was trained, and that whoever asked knows.
    """

    id: int
    file: str
    network: str
    data: str
    loss: str
    data_fingerprint: str
    seed: int
    dtype: str
    epochs: int
    train_loss: float | None = None
    trusted: bool = False
    sha256: str | None = None  # of the file; None in jobs of the first edition


class InputPath(msgspec.Struct, frozen=True, kw_only=True):
    """A path that a job reads: its id, where its segments lie, the models it joins, and what is known of it so far."""

    id: int
    file: str
    model_a: int
    model_b: int
    certificate: str | None
    level: float | None
    drift: float | None
    train_loss_a: float | None
    train_loss_b: float | None
    sha256: str | None = None  # of the file
    pieces: str | None = None
    """The file of the pieces that its certificate was found on, where it has one."""
