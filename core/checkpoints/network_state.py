"""What a network asks of a checkpoint: names and shapes of its state."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

Shape = tuple[int, ...]


@dataclass(frozen=True)
class NetworkState:
    """Shapes of a network's parameters and of the buffers in its state dict, by name and in order.

    A tensor that has several names is there by the first; `tied` leads from the others to it. `names` are all, in the
    order of the state dict.
    """

    parameters: Mapping[str, Shape]
    buffers: Mapping[str, Shape]
    tied: Mapping[str, str]
    names: tuple[str, ...]

    @classmethod
    def of(cls, module: nn.Module) -> "NetworkState":
        first: dict[int, str] = {}
        parameters: dict[str, Shape] = {}
        buffers: dict[str, Shape] = {}
        tied: dict[str, str] = {}
        state = module.state_dict(keep_vars=True)
        for name, one in state.items():
            if not isinstance(one, Tensor):  # extra state
                continue
            if id(one) in first:
                tied[name] = first[id(one)]
                continue
            first[id(one)] = name
            (parameters if isinstance(one, nn.Parameter) else buffers)[name] = tuple(one.shape)
        return cls(parameters, buffers, tied, tuple(one for one in state if isinstance(state[one], Tensor)))

    @property
    def shapes(self) -> dict[str, Shape]:
        """Of every name in order, the further names of tied tensors among them."""
        own = {**self.parameters, **self.buffers}
        return {name: own[self.tied.get(name, name)] for name in self.names}


def shape_text(shape: Shape) -> str:
    """64x3x7x7."""
    return "x".join(map(str, shape)) or "one number"
