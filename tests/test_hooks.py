"""The hooks that run before a commit are those of `make check`."""

import re

from tests.pages import text


def test_the_hooks_run_the_commands_of_make_check_but_for_the_tests() -> None:
    hooks = re.findall(r"entry: (.+)", text(".pre-commit-config.yaml"))
    rules = text("Makefile").replace("$(BIN)", ".venv/bin")
    (prerequisites,) = re.findall(r"^check: ([a-z ]+) ##", rules, re.MULTILINE)
    recipes = {name: re.findall(rf"^{name}:.*\n((?:\t.+\n)+)", rules, re.MULTILINE) for name in prerequisites.split()}
    del recipes["test"]
    assert hooks == [line.strip() for (recipe,) in recipes.values() for line in recipe.splitlines()]
