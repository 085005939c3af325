"""Ways of making a path between two models: one file each, and `METHODS`, the only list of them."""

from core.methods import dropout, linear, sparse, string, wide
from core.methods.method import Method

METHODS: dict[str, Method] = {
    "linear": Method(linear.premises, linear.build),
    "string": Method(string.premises, string.build, string.build_all),
    "sparse": Method(sparse.premises, sparse.build),
    "dropout": Method(dropout.premises, dropout.build),
    "wide": Method(wide.premises, wide.build),
}
