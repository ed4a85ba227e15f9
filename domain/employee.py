"""People who were hired."""

import datetime as dt
from dataclasses import dataclass
from typing import Annotated

from domain.department import DEPARTMENTS
from domain.job import JOBS
from domain.reject import RejectCode
from domain.rules import Key, Reference, Text, Timestamp
from domain.table import Table


@dataclass(frozen=True, slots=True)
class Employee:
    """A person who was hired: by which department, for which job and when."""

    id: Annotated[int, Key("Id of the employee")]
    name: Annotated[str, Text("Name and surname of the employee")]
    datetime: Annotated[dt.datetime, Timestamp("Moment of the hire")]
    department_id: Annotated[
        int,
        Reference(
            "Id of the department which the employee was hired for",
            table=DEPARTMENTS,
            unknown=RejectCode.UNKNOWN_DEPARTMENT,
        ),
    ]
    job_id: Annotated[
        int,
        Reference(
            "Id of the job which the employee was hired for",
            table=JOBS,
            unknown=RejectCode.UNKNOWN_JOB,
        ),
    ]


HIRED_EMPLOYEES = Table.of("hired_employees", Employee)
