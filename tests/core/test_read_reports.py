"""Reports come in the asked order, filtered, with the true mean."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.ports import DepartmentRow, QuarterRow
from core.read_reports import ReadReports


@dataclass
class Sums:
    """Reports that were made up."""

    quarters: Sequence[QuarterRow] = ()
    departments: Sequence[DepartmentRow] = ()
    asked: tuple[int, Sequence[str]] = (0, ())

    def hired_by_quarter(self, year: int) -> Sequence[QuarterRow]:
        self.asked = year, ()
        return self.quarters

    def hired_by_department(self, year: int, jobs: Sequence[str]) -> Sequence[DepartmentRow]:
        self.asked = year, jobs
        return self.departments


def quarters(*names: tuple[str, str]) -> Sums:
    return Sums(quarters=[QuarterRow(*name, (1, 0, 0, 0)) for name in names])


def departments(*hired: int) -> Sums:
    rows = [DepartmentRow(id_, f"department {id_}", number) for id_, number in enumerate(hired, 1)]
    return Sums(departments=rows[::-1])


def names(rows: Sequence[QuarterRow]) -> list[tuple[str, str]]:
    return [(row.department, row.job) for row in rows]


def ids(rows: Sequence[DepartmentRow]) -> list[int]:
    return [row.id for row in rows]


def test_quarters_are_ordered_by_department_then_job_by_code_point() -> None:
    ordered = [("B", "a"), ("B", "b"), ("a", "Z"), ("a", "a"), ("Ä", ""), ("ä", "x")]
    sums = quarters(*reversed(ordered))
    assert names(ReadReports(sums).hired_by_quarter(2021)) == ordered
    assert sums.asked == (2021, ())


def test_quarters_are_narrowed_to_the_named_departments_and_jobs() -> None:
    reports = ReadReports(quarters(("A", "x"), ("A", "y"), ("B", "x")))
    assert names(reports.hired_by_quarter(2021, ["A"])) == [("A", "x"), ("A", "y")]
    assert names(reports.hired_by_quarter(2021, (), ["x"])) == [("A", "x"), ("B", "x")]
    assert names(reports.hired_by_quarter(2021, ["A", "B"], ["y"])) == [("A", "y")]
    assert names(reports.hired_by_quarter(2021, ["C"])) == []


def test_departments_above_the_mean_are_ordered_by_hires_then_id() -> None:
    assert ids(ReadReports(departments(1, 5, 9, 5, 1)).hiring_above_average(2021)) == [3, 2, 4]


def test_who_hired_just_the_mean_is_not_above_it() -> None:
    assert ids(ReadReports(departments(2, 2, 2)).hiring_above_average(2021)) == []
    assert ids(ReadReports(departments(7)).hiring_above_average(2021)) == []


def test_the_mean_is_neither_cut_nor_rounded_however_large() -> None:
    assert ids(ReadReports(departments(1, 2, 2)).hiring_above_average(2021)) == [2, 3]
    large = 10**18
    assert ids(ReadReports(departments(large, large + 1)).hiring_above_average(2021)) == [2]


def test_without_hires_nobody_is_above_the_mean() -> None:
    assert ReadReports(departments()).hiring_above_average(2021) == []


def test_departments_narrow_what_is_shown_and_not_the_mean() -> None:
    reports = ReadReports(departments(1, 5, 9))
    assert ids(reports.hiring_above_average(2021, ["department 2", "department 3"])) == [3]
    assert ids(reports.hiring_above_average(2021, ["department 1"])) == []


def test_jobs_narrow_the_hires_that_are_counted() -> None:
    sums = departments(1)
    ReadReports(sums).hiring_above_average(1999, jobs={"Cook"})
    assert sums.asked == (1999, ["Cook"])
