"""Both reports over HTTP."""

import csv
import io
from typing import Any

import pytest

from tests.api.client import Client
from tests.api.samples import insert_hires

QUARTERS = "/report/hired-by-quarter"
ABOVE = "/report/hiring-above-average"
REPORTS = [QUARTERS, ABOVE]

# Department, job and moment of each hire; Carving hired 4 in 2021, Gardens 3, Fleet 3.
HIRES = [
    (1, 1, "2021-01-01T00:00:00Z"),
    (1, 1, "2021-03-31T23:59:59.999999Z"),
    (1, 2, "2021-04-01T00:00:00Z"),
    (1, 1, "2021-12-31T23:59:59Z"),
    (2, 2, "2021-07-01T00:00:00Z"),
    (2, 2, "2021-09-30T23:59:59Z"),
    (2, 2, "2022-01-01T00:30:00+01:00"),
    (3, 1, "2021-05-05T05:05:05Z"),
    (3, 1, "2021-05-05T05:05:05Z"),
    (3, 1, "2021-05-05T05:05:05Z"),
    (3, 1, "2022-06-06T06:06:06Z"),
    (2, 1, "2020-12-31T23:59:59Z"),
]


@pytest.fixture
def client(idle_client: Client) -> Client:
    """A client of a service that holds HIRES."""
    insert_hires(idle_client, HIRES)
    return idle_client


def quarters(department: str, job: str, *hired: int) -> dict[str, Any]:
    return {"department": department, "job": job} | dict(
        zip(("Q1", "Q2", "Q3", "Q4"), hired, strict=True)
    )


def test_hires_are_counted_by_quarter_of_2021(client: Client) -> None:
    assert client.get(QUARTERS).json == [
        quarters("Carving", "Keeper", 0, 1, 0, 0),
        quarters("Carving", "Tuner", 2, 0, 0, 1),
        quarters("Fleet", "Tuner", 0, 3, 0, 0),
        quarters("Gardens", "Keeper", 0, 0, 2, 1),
    ]


def test_the_quarters_stand_in_order_and_are_in_capitals(client: Client) -> None:
    first = client.get(QUARTERS).json[0]

    assert list(first) == ["department", "job", "Q1", "Q2", "Q3", "Q4"]


def test_departments_above_the_true_mean_are_listed(client: Client) -> None:
    assert client.get(ABOVE).json == [{"id": 1, "department": "Carving", "hired": 4}]


def test_the_mean_is_not_rounded(idle_client: Client) -> None:
    """3, 3 and 2 hires: 3 is above the mean of 2.67, and would not be above a rounded one."""
    hired_by = [1, 1, 1, 2, 2, 2, 3, 3]
    insert_hires(idle_client, [(department, 1, "2021-07-27T16:02:08Z") for department in hired_by])

    assert idle_client.get(ABOVE).json == [
        {"id": 1, "department": "Carving", "hired": 3},
        {"id": 2, "department": "Gardens", "hired": 3},
    ]


@pytest.mark.parametrize(("year", "hired"), [(2020, 1), (2022, 1), (1, 0), (9999, 0)])
def test_the_year_can_be_chosen(client: Client, year: int, hired: int) -> None:
    rows = client.get(QUARTERS, query_string={"year": year}).json

    assert len(rows) == hired


def test_one_department_alone_is_not_above_its_own_mean(client: Client) -> None:
    assert client.get(f"{ABOVE}?year=2020").json == []


@pytest.mark.parametrize("path", REPORTS)
def test_an_empty_service_reports_nothing(idle_client: Client, path: str) -> None:
    assert idle_client.get(path).json == []
    assert len(idle_client.get(f"{path}?format=csv").text.splitlines()) == 1


def test_departments_and_jobs_can_be_chosen(client: Client) -> None:
    rows = client.get(f"{QUARTERS}?department=Carving&department=Gardens&job=Keeper").json

    assert [(row["department"], row["job"]) for row in rows] == [
        ("Carving", "Keeper"),
        ("Gardens", "Keeper"),
    ]


def test_jobs_narrow_the_hires_behind_the_mean(client: Client) -> None:
    """Tuners: Carving 3, Fleet 3; nobody is above. Keepers: Carving 1, Gardens 3."""
    assert client.get(f"{ABOVE}?job=Tuner").json == []
    assert client.get(f"{ABOVE}?job=Keeper").json == [
        {"id": 2, "department": "Gardens", "hired": 3}
    ]


def test_departments_narrow_what_is_shown_and_not_the_mean(client: Client) -> None:
    assert client.get(f"{ABOVE}?department=Gardens").json == []
    assert len(client.get(f"{ABOVE}?department=Carving").json) == 1


@pytest.mark.parametrize("path", REPORTS)
def test_names_that_nobody_has_report_nothing(client: Client, path: str) -> None:
    assert client.get(f"{path}?department=%FF&job=%00").json == []


@pytest.mark.parametrize("path", REPORTS)
def test_csv_says_the_same_as_json(client: Client, path: str) -> None:
    as_csv = client.get(f"{path}?format=csv")

    assert as_csv.mimetype == "text/csv"
    rows = list(csv.DictReader(io.StringIO(as_csv.text, newline="")))
    as_json = client.get(path).json
    assert rows == [{name: str(value) for name, value in row.items()} for row in as_json]
    assert rows


@pytest.mark.parametrize("path", REPORTS)
@pytest.mark.parametrize("form", ["json", "csv"])
def test_what_has_not_changed_is_not_sent_again(client: Client, path: str, form: str) -> None:
    address = f"{path}?format={form}"
    etag = client.get(address).headers["ETag"]

    again = client.get(address, headers={"If-None-Match": etag})

    assert again.status_code == 304
    assert again.data == b""
    assert again.headers["ETag"] == etag


def test_what_has_changed_is_sent_again(client: Client) -> None:
    etag = client.get(ABOVE).headers["ETag"]
    row = {
        "id": 99,
        "name": "Ann",
        "datetime": "2021-01-01T00:00:00Z",
        "department_id": 1,
        "job_id": 1,
    }
    client.post("/hired-employees", json=[row])

    response = client.get(ABOVE, headers={"If-None-Match": etag})

    assert response.status_code == 200
    assert response.json[0]["hired"] == 5


@pytest.mark.parametrize("path", REPORTS)
def test_parameters_that_make_no_sense_are_refused(idle_client: Client, path: str) -> None:
    years = ["year=0", "year=10000", "year=2021.5", "year=", "year=MMXXI", "year=-1"]
    for query in [*years, "format=xml", "format=JSON", "format="]:
        response = idle_client.get(f"{path}?{query}")

        assert response.status_code == 400, query
        assert response.json["error"].startswith(query.split("=")[0] + " must be")
