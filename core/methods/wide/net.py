"""Dense networks in the papers' layout: W_l is (n_{l-1}, n_l), the transpose of torch's; converted here alone."""

from dataclasses import dataclass

from torch import Tensor

from core.problem import Problem


@dataclass(frozen=True)
class Net:
    """W[l - 1] (n_{l-1}, n_l) and b[l - 1] (n_l,) of layers l = 1..L."""

    problem: Problem
    W: tuple[Tensor, ...]
    b: tuple[Tensor, ...]

    @classmethod
    def of(cls, problem: Problem, theta: Tensor) -> "Net":
        """Of parameters (P,) of a network of dense layers with biases."""
        assert problem.layered is not None
        named = {name: one[0] for name, one in problem.layout.split(theta[None]).items()}
        layers = problem.layered.layers
        biases = tuple(named[layer.bias] for layer in layers if layer.bias is not None)
        return cls(problem, tuple(named[layer.weight].T for layer in layers), biases)

    @property
    def theta(self) -> Tensor:
        """The inverse of `of`: parameters (P,)."""
        assert self.problem.layered is not None
        named = {}
        for layer, W, b in zip(self.problem.layered.layers, self.W, self.b, strict=True):
            assert layer.bias is not None
            named[layer.weight], named[layer.bias] = W.T, b
        return self.problem.layout.join(named)

    @property
    def depth(self) -> int:
        return len(self.W)

    def layer(self, l: int) -> tuple[Tensor, Tensor]:
        return self.W[l - 1], self.b[l - 1]

    def changed(self, l: int, W: Tensor, b: Tensor | None = None) -> "Net":
        """With another layer l; without `b` it keeps its bias."""
        Ws, bs = list(self.W), list(self.b)
        Ws[l - 1] = W
        if b is not None:
            bs[l - 1] = b
        return Net(self.problem, tuple(Ws), tuple(bs))

    def features(self, l: int) -> Tensor:
        """F_l (N, n_l) on the train set; F_0 is the data, F_L the outputs."""
        found = self.problem.features(self.theta[None], l, self.problem.data.train.x)
        return found.flatten(2)[0]
