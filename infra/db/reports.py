"""The sums behind the reports.

Hires are grouped by id before the names are joined: a handful of rows instead of all of them. The
year is a range of moments in UTC, so no result depends on the time zone of a session.
"""

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa

from core.ports import DepartmentRow, QuarterRow
from infra.db.schema import tables

_employees = tables["hired_employees"]
_departments = tables["departments"]
_jobs = tables["jobs"]
_hired_at = _employees.c.datetime


class SqlReports:
    """Sums over the hires of a year."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def hired_by_quarter(self, year: int) -> Sequence[QuarterRow]:
        """One row per department and job with hires, in no order."""
        starts = [dt.datetime(year, month, 1) for month in (4, 7, 10)]
        bounds = [None, *starts, None]
        quarters = [
            sa.func.sum(sa.case((_between(bounds[n], bounds[n + 1]), 1), else_=0)).label(f"q{n}")
            for n in range(4)
        ]
        sums = (
            sa.select(_employees.c.department_id, _employees.c.job_id, *quarters)
            .where(_in_year(year))
            .group_by(_employees.c.department_id, _employees.c.job_id)
            .subquery()
        )
        query = (
            sa.select(
                _departments.c.department,
                _jobs.c.job,
                *(sa.func.sum(sums.c[quarter.name]) for quarter in quarters),
            )
            .join(_departments, _departments.c.id == sums.c.department_id)
            .join(_jobs, _jobs.c.id == sums.c.job_id)
            .group_by(_departments.c.department, _jobs.c.job)
        )
        with self._engine.connect() as connection:
            return [
                QuarterRow(department, job, (int(q1), int(q2), int(q3), int(q4)))
                for department, job, q1, q2, q3, q4 in connection.execute(query)
            ]

    def hired_by_department(self, year: int, jobs: Sequence[str]) -> Sequence[DepartmentRow]:
        """One row per department with hires, for these jobs only where any are named."""
        sums = (
            sa.select(_employees.c.department_id, sa.func.count().label("hired"))
            .where(_in_year(year))
            .group_by(_employees.c.department_id)
        )
        if jobs:
            wanted = sa.select(_jobs.c.id).where(_jobs.c.job.in_(jobs))
            sums = sums.where(_employees.c.job_id.in_(wanted))
        hired = sums.subquery()
        query = sa.select(_departments.c.id, _departments.c.department, hired.c.hired).join(
            hired, hired.c.department_id == _departments.c.id
        )
        with self._engine.connect() as connection:
            return [DepartmentRow(*row) for row in connection.execute(query)]


def _in_year(year: int) -> sa.ColumnElement[bool]:
    # The last moment of the year instead of the first of the next, which year 9999 lacks.
    last = dt.datetime(year, 12, 31, 23, 59, 59, 999_999)
    return _hired_at.between(dt.datetime(year, 1, 1), last)


def _between(start: dt.datetime | None, end: dt.datetime | None) -> sa.ColumnElement[bool]:
    """Whether the hire lies in [start, end) of its year."""
    return sa.and_(
        sa.true() if start is None else _hired_at >= start,
        sa.true() if end is None else _hired_at < end,
    )
