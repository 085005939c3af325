"""The completed layers of a bound, in a file from which a relaunched or restarted run resumes."""

from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Self

import msgspec
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from core.files import write_whole
from core.results import Measurement
from core.specs.options import Options

FORMAT = "thalweg-layers-1"
Layers = dict[int, list[Measurement]]


@dataclass
class CompletedLayers:
    """Measurements by layer; `request_digest` identifies the model and the options that they hold for."""

    request_digest: str
    layers: Layers = field(default_factory=dict)

    @classmethod
    def of(cls, options: Options, theta: Tensor, left: Path | None) -> Self:
        """What an earlier run left; nothing if there is no such file, or if it belongs to another request."""
        digest = sha256(msgspec.json.encode(options))
        digest.update(theta.detach().cpu().contiguous().numpy().tobytes())
        request = digest.hexdigest()
        if left is None:
            return cls(request)
        try:
            with safe_open(str(left), "pt") as opened:
                header = opened.metadata() or {}
            if (header["format"], header["asked"]) == (FORMAT, request):
                return cls(request, msgspec.json.decode(header["layers"], type=Layers))
        except (SafetensorError, OSError, KeyError, msgspec.DecodeError):
            pass  # start from scratch
        return cls(request)

    def save(self, file: Path) -> None:
        """Write one safetensors file that has its name from the moment it is whole."""
        header = {"format": FORMAT, "asked": self.request_digest, "layers": msgspec.json.encode(self.layers).decode()}
        write_whole(file, lambda draft: save_file({}, draft, metadata=header))
