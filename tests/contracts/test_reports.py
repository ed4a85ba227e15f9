"""What every database reports: the same as a plain loop over the rows."""

import datetime as dt
from collections import Counter, defaultdict
from random import Random

import pytest

from core.ports import DepartmentRow, QuarterRow
from core.read_reports import ReadReports
from tests.contracts.sql import OnPostgresql, OnSqlite, Ports
from tests.oracle import Row
from tests.support import DEPARTMENTS, EMPLOYEES, JOBS, put, put_parents

DEPARTMENT_NAMES = {1: "Sales", 2: "Ops", 3: "Sales", 4: "sales", 5: "Ünit", 6: "No hires", 7: "李"}
JOB_NAMES = {1: "Cook", 2: "Baker", 3: "Cook", 4: "Æ", 5: "Nobody"}
LAST = dt.timedelta(microseconds=1)
EDGES = [
    dt.datetime(year, month, 1) - before
    for year in (2020, 2021, 2022)
    for month in range(1, 13)
    for before in (dt.timedelta(), LAST)
]


def hires(seed: int, count: int) -> list[Row]:
    """Random hires, many of them at the very edge of a month."""
    random = Random(seed)
    start = dt.datetime(2020, 6, 1)
    return [
        (
            number,
            "Ann",
            random.choice((random.choice(EDGES), start + random.random() * dt.timedelta(days=900))),
            random.choice((1, 1, 1, 2, 3, 4, 5, 7)),
            random.choice((1, 2, 2, 3, 4)),
        )
        for number in range(1, count + 1)
    ]


def quarters(rows: list[Row], year: int) -> set[QuarterRow]:
    sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for _, _, when, department, job in rows:
        assert isinstance(when, dt.datetime)
        if when.year == year:
            names = DEPARTMENT_NAMES[int(str(department))], JOB_NAMES[int(str(job))]
            sums[names][(when.month - 1) // 3] += 1
    return {QuarterRow(*names, (q1, q2, q3, q4)) for names, (q1, q2, q3, q4) in sums.items()}


def departments(rows: list[Row], year: int, jobs: tuple[str, ...] = ()) -> set[DepartmentRow]:
    sums = Counter(
        int(str(department))
        for _, _, when, department, job in rows
        if isinstance(when, dt.datetime) and when.year == year
        if not jobs or JOB_NAMES[int(str(job))] in jobs
    )
    return {DepartmentRow(id_, DEPARTMENT_NAMES[id_], hired) for id_, hired in sums.items()}


def put_hires(ports: Ports, rows: list[Row]) -> None:
    put(ports.database, DEPARTMENTS, list(DEPARTMENT_NAMES.items()))
    put(ports.database, JOBS, list(JOB_NAMES.items()))
    put(ports.database, EMPLOYEES, rows)


class ReportsContract:
    """The suite for Reports."""

    @pytest.mark.parametrize("seed", range(3))
    def test_sums_are_those_of_a_loop_over_the_rows(self, ports: Ports, seed: int) -> None:
        rows = hires(seed, 2000)
        put_hires(ports, rows)
        for year in (2019, 2020, 2021, 2022, 2023):
            found = ports.reports.hired_by_quarter(year)
            assert len(found) == len(set(found))
            assert set(found) == quarters(rows, year)
            for jobs in ((), ("Cook",), ("Cook", "Æ"), ("Nobody",), ("unknown", "' OR 1=1 --")):
                by_department = ports.reports.hired_by_department(year, list(jobs))
                assert len(by_department) == len(set(by_department))
                assert set(by_department) == departments(rows, year, jobs)

    @pytest.mark.parametrize("year", [1, 2, 1900, 2021, 9998, 9999])
    def test_the_first_and_the_last_moment_of_a_quarter_belong_to_it(
        self, ports: Ports, year: int
    ) -> None:
        put_parents(ports.database)
        ends = [(3, 31), (6, 30), (9, 30), (12, 31)]
        rows = []
        for number, (month, day) in enumerate(ends):
            last = dt.datetime(year, month, day, 23, 59, 59, 999_999)
            moments = [dt.datetime(year, month - 2, 1), last, last.replace(microsecond=0)]
            moments += [last] * number
            rows += [(when, number + 1) for when in moments]
        employees: list[Row] = [(n, "Ann", when, 1, 1) for n, (when, _) in enumerate(rows, 1)]
        put(ports.database, EMPLOYEES, employees)
        expected = QuarterRow("department 1", "job 1", (3, 4, 5, 6))
        assert ports.reports.hired_by_quarter(year) == [expected]
        assert [row.hired for row in ports.reports.hired_by_department(year, [])] == [18]
        for other in {max(year - 1, 1), min(year + 1, 9999)} - {year}:
            assert ports.reports.hired_by_quarter(other) == []
            assert ports.reports.hired_by_department(other, []) == []

    def test_departments_of_one_name_are_one_by_quarter_and_two_by_id(self, ports: Ports) -> None:
        when = dt.datetime(2021, 5, 1)
        put_hires(ports, [(1, "Ann", when, 1, 1), (2, "Bo", when, 3, 3), (3, "Cy", when, 3, 3)])
        assert ports.reports.hired_by_quarter(2021) == [QuarterRow("Sales", "Cook", (0, 3, 0, 0))]
        by_id = {(row.id, row.hired) for row in ports.reports.hired_by_department(2021, [])}
        assert by_id == {(1, 1), (3, 2)}

    def test_without_hires_there_is_nothing_to_report(self, ports: Ports) -> None:
        put_parents(ports.database)
        assert ports.reports.hired_by_quarter(2021) == []
        assert ports.reports.hired_by_department(2021, []) == []

    def test_the_mean_is_not_rounded(self, ports: Ports) -> None:
        # One, two and two hires: two are more than 5/3, and not more than 5/3 rounded.
        when = dt.datetime(2021, 5, 1)
        hired = [1, 2, 2, 5, 5]
        put_hires(ports, [(n, "Ann", when, at, 1) for n, at in enumerate(hired, 1)])
        above = ReadReports(ports.reports).hiring_above_average(2021)
        assert [(row.id, row.hired) for row in above] == [(2, 2), (5, 2)]

    @pytest.mark.parametrize("seed", range(3))
    def test_departments_above_the_mean_are_those_of_a_loop(self, ports: Ports, seed: int) -> None:
        rows = hires(seed, 300)
        put_hires(ports, rows)
        everyone = departments(rows, 2021)
        total = sum(row.hired for row in everyone)
        above = [row for row in everyone if row.hired * len(everyone) > total]
        above.sort(key=lambda row: (-row.hired, row.id))
        assert ReadReports(ports.reports).hiring_above_average(2021) == above


class TestSqliteReports(OnSqlite, ReportsContract):
    pass


class TestPostgresqlReports(OnPostgresql, ReportsContract):
    pass
