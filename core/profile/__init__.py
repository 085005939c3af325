"""Loss and error along a path, by structure."""

from core.profile.along import Profile, profile
from core.profile.early import Look, look
from core.profile.peaks import Peaks, peaks
from core.profile.segments import segment_values

__all__ = ["Look", "Peaks", "Profile", "look", "peaks", "profile", "segment_values"]
