"""The two reports, in the order and with the mean that the challenge asks for."""

from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction

from core.ports import DepartmentRow, QuarterRow, Reports


@dataclass(frozen=True, slots=True)
class ReadReports:
    """The use cases with their port."""

    reports: Reports

    def hired_by_quarter(
        self, year: int, departments: Collection[str] = (), jobs: Collection[str] = ()
    ) -> list[QuarterRow]:
        """Hires by department, job and quarter of `year`, ordered by department, then job.

        Only those of the named departments and jobs, where any are named. Names are ordered by
        their characters' code points, the same on every database.
        """
        rows = (
            row
            for row in self.reports.hired_by_quarter(year)
            if (not departments or row.department in departments) and (not jobs or row.job in jobs)
        )
        return sorted(rows, key=lambda row: (row.department, row.job))

    def hiring_above_average(
        self, year: int, departments: Collection[str] = (), jobs: Collection[str] = ()
    ) -> list[DepartmentRow]:
        """Departments that hired more than the mean in `year`, most hires first, then by id.

        The mean is over the departments that hired in that year. Jobs narrow the hires that are
        counted; departments narrow what is shown, not the mean.
        """
        rows = self.reports.hired_by_department(year, list(jobs))
        if not rows:
            return []
        mean = Fraction(sum(row.hired for row in rows), len(rows))
        above = (
            row
            for row in rows
            if row.hired > mean and (not departments or row.department in departments)
        )
        return sorted(above, key=lambda row: (-row.hired, row.id))
