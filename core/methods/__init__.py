"""Ways of making a path between two models: one file each, and `METHODS`, the only list of them."""

from core.methods import linear, string
from core.methods.method import Method

METHODS: dict[str, Method] = {
    "linear": Method(linear.premises, linear.build),
    "string": Method(string.premises, string.build),
}
