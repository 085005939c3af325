"""Steps from a model, each with what it claims: two of them, there and back, make a path."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from core.curves.prescribed import Prescribed
from core.methods.wide.lifting import Lift
from core.methods.wide.net import Net
from core.path import Claim, Path
from core.progress import Reporter, SilentReporter


@dataclass
class Route:
    """Networks that were passed, with the claim of each step; `lifts[i]` says how step i is curved.

    `whose` begins what it says: from which model it leads.
    """

    nets: list[Net]
    claims: list[Claim] = field(default_factory=list)
    lifts: dict[int, tuple[Lift, int]] = field(default_factory=dict)
    reporter: Reporter = field(default_factory=SilentReporter)
    whose: str = ""

    @property
    def here(self) -> Net:
        return self.nets[-1]

    def say(self, text: str) -> None:
        """What a step does, for the log."""
        told = f"{self.whose}{text}"
        self.reporter.say(told[0].upper() + told[1:])

    def go(self, net: Net, claim: Claim) -> None:
        """On along a straight line."""
        self.nets.append(net)
        self.claims.append(claim)

    def lift(self, net: Net, lift: Lift, k: int) -> None:
        """On along the curve on which F_k is prescribed."""
        self.lifts[len(self.claims)] = (lift, k)
        self.go(net, Claim.IDENTITY)

    def back(self, other: "Route") -> None:
        """On to where `other` is, then along its steps in reverse order."""
        assert all(
            torch.equal(*ends) for ends in zip(self.here.W + self.here.b, other.here.W + other.here.b, strict=True)
        )
        last = len(other.claims) - 1
        for i in range(last, -1, -1):
            if i in other.lifts:
                self.lift(other.nets[i], *other.lifts[i])
            else:
                self.go(other.nets[i], other.claims[i])

    def path(self, start: Tensor, end: Tensor) -> Path:
        """The path from theta `start` to theta `end`, which the first and the last network are, bit for bit."""
        knots = torch.stack([start, *(net.theta for net in self.nets[1:-1]), end])
        curves: dict[int, Prescribed] = {
            i: lift.curve(self.nets[i], self.nets[i + 1], k) for i, (lift, k) in self.lifts.items()
        }
        return Path(knots, tuple(self.claims), curves)
