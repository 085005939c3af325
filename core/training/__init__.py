"""Bring one network, or many of one architecture at once, to a loss."""

from core.training.objective import Objective, Step, alone
from core.training.state import TrainingResult, TrainingState, Until
from core.training.train import train

__all__ = ["Objective", "Step", "TrainingResult", "TrainingState", "Until", "alone", "train"]
