"""Loss and error along a path, by structure."""

from core.profile.along import Profile, profile
from core.profile.peaks import Peaks, peaks
from core.profile.segments import segment_values

__all__ = ["Peaks", "Profile", "peaks", "profile", "segment_values"]
