"""A language model: words are looked up, pass through LSTMs, and come out as one number for every next word."""

import torch
from torch import Tensor, nn

from core.networks.layout import Layout
from core.specs.networks import Lstm

SPREAD = 0.1  # weights start uniformly in [-SPREAD, SPREAD], biases at zero


class LanguageModel(nn.Module):
    """Outputs (N, positions, words) from word numbers (N, positions); the state is zero at the start of each sample."""

    def __init__(self, spec: Lstm, words: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, spec.embedding)
        self.lstm = nn.LSTM(spec.embedding, spec.hidden, spec.layers, batch_first=True)
        self.output = nn.Linear(spec.hidden, words)

    def forward(self, x: Tensor) -> Tensor:
        features, _ = self.lstm(self.embedding(x))
        outputs: Tensor = self.output(features)
        return outputs


def uniform_start(layout: Layout, seed: int) -> dict[str, Tensor]:
    """Weights uniform, biases zero."""
    generator = torch.Generator().manual_seed(seed)
    parameters = {}
    for name, shape in zip(layout.names, layout.shapes, strict=True):
        drawn = SPREAD * (2 * torch.rand(shape, generator=generator) - 1)
        parameters[name] = drawn if len(shape) > 1 else torch.zeros(shape)
    return parameters
