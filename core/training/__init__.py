"""Bring one network, or many of one architecture at once, to a loss."""

from core.training.state import TrainingResult, TrainingState, Until
from core.training.train import train

__all__ = ["TrainingResult", "TrainingState", "Until", "train"]
