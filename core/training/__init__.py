"""Bring one network, or many of one architecture at once, to a loss."""

from core.training.state import Trained, TrainingState, Until
from core.training.train import train

__all__ = ["Trained", "TrainingState", "Until", "train"]
