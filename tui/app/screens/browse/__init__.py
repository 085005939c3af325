"""The catalogue's screen: the view, what keeps it true, and what can be done with its rows."""
