"""The settings of the service, read from the environment and `.env` (the environment wins)."""

from typing import Annotated, Self

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class SettingsError(Exception):
    """A variable has a value that it cannot have; the text names it, and never shows the value."""


def _split(value: object) -> object:
    """Cut at commas; a stray comma adds no empty word, which would be an API key of nothing."""
    if not isinstance(value, str):
        return value
    words = [word for part in value.split(",") if (word := part.strip())]
    if not words:
        raise ValueError("expected words separated by commas")
    return words


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split)]
Port = Annotated[int, Field(ge=1, le=65535)]
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Level = Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR|CRITICAL)$")]


# fmt: off
class Settings(BaseSettings):
    """Every variable with its default and its meaning; an empty one counts as not given."""

    model_config = SettingsConfigDict(frozen=True, env_file=".env", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True)

    database_url: SecretStr | None = None  # where the data lives; default sqlite:///var/hiring.db
    azure_sql_connection_string: SecretStr | None = None  # ODBC string, used without DATABASE_URL
    source_url: str | None = None  # where the CSVs lie: a folder or file://; default ./data
    azure_storage_connection_string: SecretStr | None = None  # blobs, used without SOURCE_URL
    azure_storage_container: str | None = Field(None, validation_alias=AliasChoices("AZURE_STORAGE_CONTAINER", "AZURE_BLOB_CONTAINER"))  # container of the CSVs
    s3_bucket_name: str | None = None  # bucket of the CSVs, used without SOURCE_URL
    celery_broker_url: SecretStr | None = None  # broker of the workers; default threads in the process
    celery_result_backend: SecretStr | None = None  # accepted for old setups; results lie in the ledger
    host: str = "127.0.0.1"  # address to listen on
    port: Port = 8000  # port to listen on
    web_threads: Count = 8  # requests that are answered at the same time
    worker_threads: Count = 2  # background loads that run at the same time
    max_waiting_loads: Count = 1000  # further ones are refused with 503
    lease_seconds: Seconds = 20  # without a sign of life for so long, a load is taken over
    sweep_seconds: Seconds = 5  # how often workers look for loads that nobody took
    shutdown_seconds: Count = 25  # how long a stop waits for requests and batches to end
    max_json_bytes: Count = 16 * 1024 * 1024  # largest body of a JSON request
    max_attempts: Count = 5  # how often a load is tried that its worker died with or that met a fault
    upload_url: str = "var/uploads"  # folder in which uploads wait to be loaded
    max_upload_bytes: Count = 2 * 1024**3  # largest upload
    max_unpacked_bytes: Count = 8 * 1024**3  # largest CSV that an upload may unpack to
    cors_origins: Words = ("*",)  # origins that browsers may call from, comma-separated, or none
    api_keys: Secrets = ()  # where given, callers must send one as X-API-Key or bearer token
    log_level: Level = "INFO"  # DEBUG, INFO, WARNING, ERROR or CRITICAL
    # fmt: on

    @classmethod
    def load(cls) -> Self:
        """Read the settings; raises SettingsError naming each variable that is wrong."""
        try:
            return cls()  # type: ignore[call-arg] # the plugin-less view of the alias
        except ValidationError as error:
            problems = (
                f"{'_'.join(map(str, item['loc'])).upper()}: {item['msg']}"
                for item in error.errors(include_input=False)
            )
            raise SettingsError("; ".join(problems)) from None
