"""A table of the data dictionary, read off its entity class."""

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Self, get_type_hints

from domain.rules import Key, Reference, Rule


@dataclass(frozen=True, slots=True)
class Field:
    """One column: its name and the rule that its values obey."""

    name: str
    rule: Rule


@dataclass(frozen=True)
class Table:
    """A table: its name in URLs, files and SQL, what a row is, and its fields in file order."""

    name: str
    description: str
    fields: tuple[Field, ...]

    @classmethod
    def of(cls, name: str, entity: type) -> Self:
        """Read the table off `entity`, a dataclass whose annotations carry a rule each."""
        hints = get_type_hints(entity, include_extras=True)
        described = tuple(Field(f.name, hints[f.name].__metadata__[0]) for f in fields(entity))
        return cls(name, entity.__doc__ or "", described)

    @cached_property
    def key(self) -> Field:
        """The field that identifies a row."""
        return next(field for field in self.fields if isinstance(field.rule, Key))

    @cached_property
    def references(self) -> tuple[tuple[str, Reference], ...]:
        """The names of the fields that point to another table, each with its rule."""
        return tuple((f.name, f.rule) for f in self.fields if isinstance(f.rule, Reference))
