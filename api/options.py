"""What a load can be asked to do: one declaration for JSON bodies, queries and OpenAPI."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from werkzeug.datastructures import MultiDict

from core.errors import InvalidRequest
from domain.dictionary import TABLES
from domain.load import UPLOADS, LoadOrder, OnConflict

_M = TypeVar("_M", bound="LoadOptions")

_LARGEST = 2**63 - 1


class LoadOptions(BaseModel):
    """How the rows are to be loaded."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    on_conflict: Literal["skip", "update"] = Field(
        "skip", description="What happens to a row whose id is stored: it is left, or updated"
    )
    batch_size: int = Field(50_000, ge=1, le=_LARGEST, description="Rows committed at a time")
    reject_limit: int | None = Field(
        None, ge=0, le=_LARGEST, description="Fail the load with the next rejected row"
    )
    reject_share: float | None = Field(
        None, ge=0, le=1, description="Fail the load beyond this share of rejected rows"
    )
    on_reject_limit: Literal["stop", "rollback"] = Field(
        "stop", description="Beyond a limit: keep the rows so far, or write none of the load"
    )
    dry_run: bool = Field(default=False, description="Check everything and write no row")
    force: bool = Field(default=False, description="Load content that was loaded before once more")

    def order(self, table: str, source: str = "") -> LoadOrder:
        """The order to load `source` into `table`."""
        return LoadOrder(
            table,
            source,
            batch_size=self.batch_size,
            on_conflict=OnConflict(self.on_conflict),
            dry_run=self.dry_run,
            force=self.force,
            reject_limit=self.reject_limit,
            reject_share=self.reject_share,
            roll_back=self.on_reject_limit == "rollback",
        )


def _is_no_upload(name: str) -> str:
    """An upload belongs to the load that it came with, which removes it."""
    if name.startswith(UPLOADS):
        raise ValueError(f"what begins with {UPLOADS} is loaded by the request that sends it")
    return name


class LoadRequest(LoadOptions):
    """A load from the source store."""

    table: Literal[tuple(TABLES)] = Field(description="Table to load into")  # type: ignore[valid-type]
    source: Annotated[str, AfterValidator(_is_no_upload)] = Field(
        "", max_length=1024, description="Name in the source store; else that of the table's file"
    )


def parse(model: type[_M], values: object) -> _M:
    """Read a model from a JSON body; raises InvalidRequest naming each member that is wrong."""
    try:
        return model.model_validate(values, strict=True)
    except ValidationError as error:
        raise _invalid(error) from None


def parse_query(model: type[_M], query: "MultiDict[str, str]") -> _M:
    """Read a model from a query; raises InvalidRequest naming each parameter that is wrong."""
    try:
        return model.model_validate_strings(query.to_dict())
    except ValidationError as error:
        raise _invalid(error) from None


def schema(model: type[LoadOptions]) -> dict[str, Any]:
    """The JSON schema of a body."""
    return model.model_json_schema()


def query_parameters(model: type[LoadOptions]) -> list[dict[str, Any]]:
    """The OpenAPI parameter objects of a query."""
    return [
        {"name": name, "in": "query", "description": rule.pop("description"), "schema": rule}
        for name, rule in schema(model)["properties"].items()
    ]


def _invalid(error: ValidationError) -> InvalidRequest:
    return InvalidRequest(
        "; ".join(
            f"{'.'.join(map(str, item['loc'])) or 'the body'}: {item['msg']}"
            for item in error.errors(include_url=False, include_input=False)
        )
    )
