"""Ways of making a path between two models: one file each, and `METHODS`, the only list of them."""

from core.methods import dropout, linear, linear_net, oracle, sparse, string, wide
from core.methods.method import Method

METHODS: dict[str, Method] = {
    "linear": Method(linear.premises, linear.build),
    "string": Method(string.premises, string.build, string.build_all),
    "sparse": Method(sparse.premises, sparse.build, certificate="exact"),
    "dropout": Method(dropout.premises, dropout.build, certificate="exact"),
    "wide": Method(wide.premises, wide.build, certificate="exact or identity"),
    "linear-net": Method(linear_net.premises, linear_net.build, certificate="exact"),
    "oracle": Method(oracle.premises, oracle.build, certificate="exact or enclosed"),
}
