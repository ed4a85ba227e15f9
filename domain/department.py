"""Departments of the company."""

from dataclasses import dataclass
from typing import Annotated

from domain.rules import Key, Text
from domain.table import Table


@dataclass(frozen=True, slots=True)
class Department:
    """A department of the company."""

    id: Annotated[int, Key("Id of the department")]
    department: Annotated[str, Text("Name of the department")]


DEPARTMENTS = Table.of("departments", Department)
