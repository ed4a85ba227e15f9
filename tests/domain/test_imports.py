"""The domain stands on nothing but the standard library."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import domain

MODULES = sorted(Path(domain.__path__[0]).glob("**/*.py"))


def imported(module: Path) -> Iterator[str]:
    """The packages that a module imports, those inside functions too."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module
            yield node.module.split(".")[0]


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_a_domain_module_imports_the_standard_library_and_the_domain_only(module: Path) -> None:
    assert set(imported(module)) <= sys.stdlib_module_names | {"domain"}


def test_there_are_domain_modules_to_look_at() -> None:
    assert len(MODULES) > 5
