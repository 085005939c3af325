"""The families of analytic curves that a path file may hold."""

from core.curves.prescribed import Prescribed
from core.curves.rotating import Arc, Turn

FAMILIES: dict[str, type[Prescribed] | type[Arc] | type[Turn]] = {one.family: one for one in (Prescribed, Arc, Turn)}
