"""What can be asked for: typed descriptions of runs and their text form. Imports no torch."""
