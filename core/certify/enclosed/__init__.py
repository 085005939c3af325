"""Proofs for straight segments of layered networks whose loss has no special structure (docs/certificates.md).

On every piece of a segment the loss of each sample is shown to be below a straight line; pieces are split until these
are low enough. It shares no code with the methods: a certificate is the search of the checker itself.
"""

from core.certify.enclosed.goal import passes_text
from core.certify.enclosed.proof import Enclosure, Proof, Wanted, contradicted, prove, unprovable
from core.certify.enclosed.prover import Judged, Prover

__all__ = [
    "Enclosure",
    "Judged",
    "Proof",
    "Prover",
    "Wanted",
    "contradicted",
    "passes_text",
    "prove",
    "unprovable",
]
