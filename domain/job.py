"""Jobs that people are hired for."""

from dataclasses import dataclass
from typing import Annotated

from domain.rules import Key, Text
from domain.table import Table


@dataclass(frozen=True, slots=True)
class Job:
    """A job that people are hired for."""

    id: Annotated[int, Key("Id of the job")]
    job: Annotated[str, Text("Name of the job")]


JOBS = Table.of("jobs", Job)
