"""The papers' experiments by name."""

from core.studies import fb17_e1
from core.studies.plan import Study

STUDIES: dict[str, Study] = {"fb17-e1": fb17_e1.STUDY}
