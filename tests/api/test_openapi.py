"""The OpenAPI document and the service say the same."""

from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from domain.dictionary import TABLES
from domain.rules import Integer, Text, Timestamp
from domain.table import Table
from tests.api.client import UNDESCRIBED, Client, path_of

METHODS = {"get", "post", "put", "patch", "delete"}
HIRE = {
    "id": 1,
    "name": "Ann",
    "datetime": "2021-07-27T16:02:08Z",
    "department_id": 1,
    "job_id": 1,
}


@pytest.fixture
def document(idle_client: Client) -> dict[str, Any]:
    described: dict[str, Any] = idle_client.get("/openapi.json").json
    return described


def test_the_document_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(document).validate()


def test_every_route_is_described_and_nothing_else(
    idle_client: Client, document: dict[str, Any]
) -> None:
    routes = {
        (path_of(rule.rule), method.lower())
        for rule in idle_client.application.url_map.iter_rules()
        if rule.endpoint not in UNDESCRIBED
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    described = {
        (path, method)
        for path, item in document["paths"].items()
        for method in item.keys() & METHODS
    }

    assert described == routes


def test_every_operation_has_a_name_of_its_own_and_a_summary(document: dict[str, Any]) -> None:
    operations = [item for path in document["paths"].values() for item in path.values()]

    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    assert all(operation["summary"] and operation["tags"] for operation in operations)


def test_every_reference_leads_somewhere_and_every_component_is_used(
    document: dict[str, Any],
) -> None:
    found = set(_references(document))
    components = {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "responses")
        for name in document["components"][kind]
    }

    assert found == components


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_rows_are_described_by_the_data_dictionary(document: dict[str, Any], table: Table) -> None:
    schema = document["components"]["schemas"][table.name]

    assert list(schema["properties"]) == schema["required"] == [f.name for f in table.fields]
    assert schema["additionalProperties"] is False
    for field in table.fields:
        value = schema["properties"][field.name]
        assert value.pop("description") == field.rule.description
        match field.rule:
            case Integer(minimum=low, maximum=high):
                assert value == {"type": "integer", "minimum": low, "maximum": high}
            case Text(maximum=high):
                assert value.pop("pattern")
                assert value == {"type": "string", "minLength": 1, "maxLength": high}
            case Timestamp():
                assert value == {"type": "string", "format": "date-time"}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"id": 2**31 - 1},
        {"id": 2**31},
        {"id": 0},
        {"id": "1"},
        {"id": None},
        {"name": "x"},
        {"name": "ż" * 255},
        {"name": "ż" * 256},
        {"name": ""},
        {"name": " \u3000"},
        {"name": " a\nb "},
        {"name": "a\0b"},
        {"name": 7},
        {"datetime": None},
        {"datetime": 7},
        {"job_id": True},
        {"salary": 7},
    ],
    ids=str,
)
def test_the_service_takes_what_the_document_allows(
    idle_client: Client, document: dict[str, Any], change: dict[str, object]
) -> None:
    idle_client.post("/departments", json=[{"id": 1, "department": "Carving"}])
    idle_client.post("/jobs", json=[{"id": 1, "job": "Tuner"}])
    row = HIRE | change
    schema = document["components"]["schemas"]["hired_employees"]

    response = idle_client.post("/hired-employees", json=[row])

    is_allowed = jsonschema.Draft202012Validator(schema).is_valid(row)
    assert response.status_code == (201 if is_allowed else 422)


def test_the_bodies_of_requests_obey_the_document(document: dict[str, Any]) -> None:
    body = document["paths"]["/hired-employees"]["post"]["requestBody"]
    schema = body["content"]["application/json"]["schema"] | {"components": document["components"]}
    validator = jsonschema.Draft202012Validator(schema)

    assert not body.get("required", False)
    assert validator.is_valid([HIRE])
    assert validator.is_valid({"rows": [HIRE] * 1000})
    assert not validator.is_valid([])
    assert not validator.is_valid({"rows": [HIRE] * 1001})


def _references(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [found for value in node.values() for found in _references(value)]
    if isinstance(node, list):
        return [found for value in node for found in _references(value)]
    return []
