"""The checker: decides from tensors, network and data alone what is proven of a path.

It shares no code with the methods that build paths. `docs/certificates.md` states the rules with proofs.
"""

from core.certify.certificate import Certificate, certify
from core.certify.decide import Verdict, decide
from core.certify.knots import knot_losses

__all__ = ["Certificate", "Verdict", "certify", "decide", "knot_losses"]
