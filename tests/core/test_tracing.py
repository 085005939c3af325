"""Views by layers of modules that somebody else wrote: equal to the module, or none with the reason."""

from collections.abc import Callable
from types import MethodType

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from core.networks.layout import Layout
from core.networks.tracing import NoLayersError, layers_of

SIDE = 11
ACTIVATIONS = [nn.ReLU, nn.Tanh, nn.Sigmoid, nn.Softplus, nn.ELU, lambda: nn.LeakyReLU(0.3), lambda: nn.Softplus(3.0)]


@st.composite
def chains(draw: st.DrawFn) -> nn.Sequential:
    """A random chain for images (N, 2, 11, 11): convolutions, dense layers, and whatever may stand between them."""
    numbers, flags = st.integers(1, 3), st.booleans()
    n, parts = 2, []
    for _ in range(draw(st.integers(0, 3))):
        kernel, m = draw(numbers), draw(st.integers(1, 4))
        shape = {"stride": draw(st.integers(1, 2)), "padding": draw(st.integers(1, 2)), "bias": draw(flags)}
        parts += [
            nn.Conv2d(n, m, kernel, **shape),
            *draw(between(nn.MaxPool2d(2, 1, padding=1, ceil_mode=draw(flags)))),
        ]
        if draw(flags):
            pools = [nn.AvgPool2d(2, 1, padding=1, count_include_pad=draw(flags)), nn.AdaptiveAvgPool2d((3, None))]
            parts.append(draw(st.sampled_from(pools)))
        n = m
    parts.append(nn.Flatten())
    n = nn.Sequential(*parts)(torch.zeros(1, 2, SIDE, SIDE)).shape[1]
    for _ in range(draw(st.integers(0, 2))):
        m = draw(st.integers(1, 5))
        parts += [
            nn.Sequential(nn.Linear(n, m, bias=draw(flags)), nn.Dropout(0.5)),
            draw(st.sampled_from(ACTIVATIONS))(),
        ]
        n = m
    return nn.Sequential(*parts, nn.Linear(n, 3))


def between(pool: nn.Module) -> st.SearchStrategy[list[nn.Module]]:
    """An activation, a max-pooling, both in either order, or nothing."""
    act = st.sampled_from(ACTIVATIONS).map(lambda kind: kind())
    return st.one_of(st.just([]), act.flatmap(lambda a: st.permutations([a, pool, nn.Identity()])), st.just([pool]))


@settings(max_examples=25)
@given(chains(), st.integers(0, 99))
def test_the_view_of_a_chain_equals_the_module(module: nn.Sequential, seed: int) -> None:
    module = module.double().eval()
    view = layers_of(module, (2, SIDE, SIDE))
    layout, generator = Layout.of(module), torch.Generator().manual_seed(seed)
    thetas = torch.randn(3, layout.total, generator=generator, dtype=torch.float64)
    x = torch.randn(4, 2, SIDE, SIDE, generator=generator, dtype=torch.float64)
    outputs = view.outputs(x[None], layout.split(thetas))
    for theta, found in zip(thetas, outputs, strict=True):
        nn.utils.vector_to_parameters(theta, module.parameters())
        torch.testing.assert_close(found, module(x), rtol=1e-9, atol=1e-9)
    below = 2 if view.layers[0].padding is not None else 2 * SIDE * SIDE
    for layer in view.layers:
        assert layer.inputs == below
        assert layer.blocks(torch.zeros(layout.shapes[layout.names.index(layer.weight)])).shape[1] == below
        below = layer.outputs


class Written(nn.Module):
    """A chain whose forward is written by hand, in the ways that people do."""

    def __init__(self) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(2, 4, 3, stride=2, padding="valid")
        self.c2 = nn.Conv2d(4, 3, 3, padding="same", dilation=2)
        self.d1, self.d2 = nn.Linear(3 * 4, 5), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(functional.max_pool2d(self.c1(x), 2, stride=1))
        x = functional.avg_pool2d(torch.tanh(self.c2(x)), 2)
        x = functional.dropout(x.view(x.size(0), -1), 0.5, self.training)
        return self.d2(functional.leaky_relu(self.d1(x), 0.2))


def test_a_forward_that_is_written_by_hand_has_a_view() -> None:
    module = Written()
    view = layers_of(module, (2, SIDE, SIDE))
    assert [(layer.inputs, layer.outputs, layer.block) for layer in view.layers] == [
        (2, 4, 9),
        (4, 3, 9),
        (3, 5, 4),
        (5, 3, 1),
    ]
    assert view.layers[0].stride == (2, 2)
    assert view.layers[1].dilation == (2, 2)


def test_finding_a_view_leaves_the_module_as_it_is() -> None:
    module = Written().train()
    before = Layout.of(module).join(dict(module.named_parameters()))
    layers_of(module, (2, SIDE, SIDE))
    assert module.training
    assert torch.equal(before, Layout.of(module).join(dict(module.named_parameters())))


class Made(nn.Module):
    """A dense layer `a` of 4, one `b` of 4, one `c` of 3, and any forward."""

    def __init__(self, forward: Callable[..., Tensor]) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 3)
        self.how = forward

    def forward(self, x: Tensor) -> Tensor:
        return self.how(self, x)


def doubled(module: Made, x: Tensor) -> Tensor:
    return module.c(module.b(2 * module.a(x)))


@pytest.mark.parametrize(
    ("forward", "reason"),
    [
        (lambda m, x: m.c(m.a(x) + m.b(x)), "a residual or skip connection, at b"),
        (lambda m, x: m.c(x + m.b(m.a(x).relu())), "a residual or skip connection, at add"),
        (lambda m, x: m.c(torch.cat([m.a(x)[:, :2], m.a(x)[:, 2:]], 1)), "residual or skip"),
        (doubled, "mul is not a known layer"),
        (lambda m, x: m.c(functional.gelu(m.b(m.a(x)))), "gelu is not a known layer"),
        (lambda m, x: m.c(functional.dropout(m.b(m.a(x)))), "dropout is not a known layer"),
        (lambda m, x: m.c(m.b(m.a(x))).relu(), "an activation follows its last layer"),
        (lambda m, x: m.c(m.a(x)), "b.weight belongs to no layer"),
        (lambda m, x: m.c(m.b(m.a(x).relu().tanh())), "tanh does not follow a layer"),
        (lambda m, x: m.c(m.b(m.a(x.relu()))), "comes before the first layer"),
        (lambda m, x: m.c(m.b(m.a(x))) if x.sum() > 0 else m.c(x), "can't be traced"),
        (lambda m, x: m.c(m.b(functional.linear(x, m.a.weight))), "it uses a.weight beside"),
    ],
)
def test_other_modules_have_none_and_the_reason_is_said(forward: Callable[..., Tensor], reason: str) -> None:
    with pytest.raises(NoLayersError, match=reason):
        layers_of(Made(forward), (4,))


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ([nn.Conv2d(2, 4, 3, groups=2), nn.Flatten(), nn.Linear(324, 3)], "groups"),
        ([nn.Conv2d(2, 4, 3, padding=1, padding_mode="circular"), nn.Flatten(), nn.Linear(484, 3)], "another padding"),
        ([nn.Conv2d(2, 4, (2, 3), padding="same"), nn.Flatten(), nn.Linear(484, 3)], "another padding"),
        ([nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(324, 3)], "BatchNorm2d"),
        ([nn.Conv2d(2, 4, 3), nn.AvgPool2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)], "does not follow a layer"),
        ([nn.Conv2d(2, 4, 3), nn.AvgPool2d(2, divisor_override=1), nn.Flatten(), nn.Linear(64, 3)], "AvgPool2d"),
        ([nn.Conv2d(2, 4, 3), nn.LeakyReLU(1.5), nn.Flatten(), nn.Linear(324, 3)], "LeakyReLU"),
        ([nn.Conv2d(2, 4, 3), nn.ELU(2.0), nn.Flatten(), nn.Linear(324, 3)], "ELU"),
        ([nn.AvgPool2d(2), nn.Flatten(), nn.Linear(50, 3)], "before the first layer"),
        ([nn.Linear(11, 3), nn.Flatten(), nn.Linear(66, 3)], "without flattening"),
        ([nn.Conv2d(2, 3, 11), nn.Flatten()], "its last layer is not dense"),
        (
            [nn.Flatten(), nn.utils.parametrizations.weight_norm(nn.Linear(242, 3))],
            "not a known layer, activation|can't be traced",
        ),
    ],
)
def test_other_chains_have_none_and_the_reason_is_said(parts: list[nn.Module], reason: str) -> None:
    with pytest.raises(NoLayersError, match=reason):
        layers_of(nn.Sequential(*parts), (2, SIDE, SIDE))


def test_a_trace_that_is_not_what_the_module_computes_gives_no_view() -> None:
    calls = iter(range(99))

    def forward(module: Made, x: Tensor) -> Tensor:  # another order of layers from the second call on
        return module.c(module.b(module.a(x)) if next(calls) == 0 else module.a(module.b(x)))

    with pytest.raises(NoLayersError, match="differs from what it computes"):
        layers_of(Made(forward), (4,))


def test_layers_that_share_their_weights_are_named_alike() -> None:
    module = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4), nn.Linear(4, 3))
    module[2].weight = module[0].weight
    view = layers_of(module, (4,))
    assert [layer.weight for layer in view.layers] == ["0.weight", "0.weight", "3.weight"]


def clamped(*given: object) -> Tensor:
    return given[-1].clamp(-1e6, 1e6)


@pytest.mark.parametrize("part", ["", "c"])
@pytest.mark.parametrize("hook", ["register_forward_hook", "register_forward_pre_hook"])
def test_a_hook_that_random_samples_do_not_show_leaves_no_view(part: str, hook: str) -> None:
    module = Made(lambda m, x: m.c(m.b(m.a(x))))
    assert layers_of(module, (4,)).depth == 3
    one = module.get_submodule(part)
    getattr(one, hook)(clamped if hook == "register_forward_hook" else lambda _, given: (clamped(*given),))
    with pytest.raises(NoLayersError, match=f"{part or 'the module'} has a hook"):
        layers_of(module, (4,))


def test_a_forward_of_one_object_alone_leaves_no_view() -> None:
    module = Made(lambda m, x: m.c(m.b(m.a(x))))
    module.b.forward = MethodType(lambda m, x: clamped(functional.linear(x, m.weight, m.bias)), module.b)
    with pytest.raises(NoLayersError, match="a forward that is not its class's"):
        layers_of(module, (4,))


def test_pooling_over_a_kernel_that_is_read_off_the_samples_has_no_view() -> None:
    class Pooled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.c = nn.Conv2d(2, 4, 3), nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            z = self.a(x)
            return self.c(functional.avg_pool2d(z, (z.size(2), z.size(3))).flatten(1))

    with pytest.raises(NoLayersError, match="avg_pool2d is not a known layer"):
        layers_of(Pooled(), (2, SIDE, SIDE))
