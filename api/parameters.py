"""Query parameters, each declared once: read from requests and described in OpenAPI by the same."""

import re
from dataclasses import dataclass
from typing import Any, Protocol

from werkzeug.datastructures import MultiDict

from core.errors import InvalidRequest

# Two of them added up still fit into the numbers of any database.
_LARGEST = 2**62 - 1


class Parameter(Protocol):
    """A query parameter."""

    @property
    def name(self) -> str:
        """Its name in the query."""

    def read(self, query: "MultiDict[str, str]") -> Any:  # noqa: ANN401 (each has its own type)
        """Its value; raises InvalidRequest."""

    def describe(self) -> dict[str, Any]:
        """Its OpenAPI parameter object."""


@dataclass(frozen=True, slots=True)
class WholeNumber:
    """A whole number in plain digits within bounds."""

    name: str
    description: str
    minimum: int
    default: int
    maximum: int = _LARGEST

    def read(self, query: "MultiDict[str, str]") -> int:
        """The number, or the default where the parameter is not given."""
        text = query.get(self.name)
        if text is None:
            return self.default
        if not re.fullmatch("[0-9]{1,19}", text) or not self.minimum <= int(text) <= self.maximum:
            upper = "" if self.maximum == _LARGEST else f" to {self.maximum}"
            raise InvalidRequest(
                f"{self.name} must be a whole number from {self.minimum}{upper or ' on'}"
            )
        return int(text)

    def describe(self) -> dict[str, Any]:
        """An integer with its bounds."""
        schema = {
            "type": "integer",
            "minimum": self.minimum,
            "maximum": self.maximum,
            "default": self.default,
        }
        return _describe(self.name, self.description, schema)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words; the first is the default."""

    name: str
    description: str
    words: tuple[str, ...]

    def read(self, query: "MultiDict[str, str]") -> str:
        """The word."""
        word = query.get(self.name, self.words[0])
        if word not in self.words:
            raise InvalidRequest(f"{self.name} must be {' or '.join(self.words)}")
        return word

    def describe(self) -> dict[str, Any]:
        """A string with its enumeration."""
        schema = {"type": "string", "enum": list(self.words), "default": self.words[0]}
        return _describe(self.name, self.description, schema)


@dataclass(frozen=True, slots=True)
class Names:
    """Any number of names, each given as the parameter once more."""

    name: str
    description: str

    def read(self, query: "MultiDict[str, str]") -> list[str]:
        """The names as they are."""
        return query.getlist(self.name)

    def describe(self) -> dict[str, Any]:
        """An array of strings."""
        schema = {"type": "array", "items": {"type": "string"}}
        return _describe(self.name, self.description, schema)


def _describe(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}
