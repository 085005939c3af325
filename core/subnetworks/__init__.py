"""Subnetworks xi_l of Nguyen, Brechet and Mondelli 2021, NeurIPS 2021: trained, or dropped and rescaled."""

from core.subnetworks.fitting import Goal, Level, dropped_levels, trained_levels
from core.subnetworks.weights import Subnetwork, Weights

__all__ = ["Goal", "Level", "Subnetwork", "Weights", "dropped_levels", "trained_levels"]
