"""Pages of what the tables hold."""

import pytest

from tests.api.client import Answer, Client
from tests.api.samples import insert_hires

PATHS = ["/departments", "/jobs", "/hired-employees"]


@pytest.fixture
def client(idle_client: Client) -> Client:
    """A client of a service that holds 250 employees."""
    insert_hires(idle_client, [(1, 1, "2021-07-27T16:02:08Z")] * 250)
    return idle_client


def next_of(answer: Answer) -> str | None:
    """The address of the next page."""
    link = answer.headers.get("Link")
    if link is None:
        return None
    address, relation = link.split("; ")
    assert relation == 'rel="next"'
    return address.strip("<>")


@pytest.mark.parametrize("path", PATHS)
def test_an_empty_table_has_an_empty_page(idle_client: Client, path: str) -> None:
    response = idle_client.get(path)

    assert response.json == []
    assert next_of(response) is None


def test_rows_are_shown_as_they_were_loaded(client: Client) -> None:
    assert client.get("/departments").json[0] == {"id": 1, "department": "Carving"}
    assert client.get("/jobs").json[0] == {"id": 1, "job": "Tuner"}
    assert client.get("/hired-employees").json[0] == {
        "id": 1,
        "name": "Ann Bram",
        "datetime": "2021-07-27T16:02:08+00:00",
        "department_id": 1,
        "job_id": 1,
    }


@pytest.mark.parametrize("limit", [1, 7, 24, 25, 1000])
def test_links_lead_through_all_rows_once(client: Client, limit: int) -> None:
    address: str | None = f"/hired-employees?limit={limit}&after=225"
    ids, pages = [], 0
    while address:
        page = client.get(address)
        assert 1 <= len(page.json) <= limit
        ids += [row["id"] for row in page.json]
        pages += 1
        address = next_of(page)

    assert ids == list(range(226, 251))
    assert pages == -(-25 // limit)


def test_a_page_has_100_rows_unless_told(client: Client) -> None:
    page = client.get("/hired-employees")

    assert len(page.json) == 100
    assert next_of(page) == "/hired-employees?after=100&limit=100"


def test_there_is_nothing_after_the_last_row(client: Client) -> None:
    for after in (250, 2**31, 2**62 - 1):
        assert client.get(f"/hired-employees?after={after}").json == []


@pytest.mark.parametrize("path", PATHS)
def test_pages_that_make_no_sense_are_refused(idle_client: Client, path: str) -> None:
    for query in ("limit=0", "limit=1001", "limit=x", "limit=", "after=-1", "after=1e1"):
        response = idle_client.get(f"{path}?{query}")

        assert response.status_code == 400, query
        assert response.json["error"].startswith(query.split("=")[0] + " must be")
