"""The settings: each variable, where it is read from, and what becomes of wrong values."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

import main
from config import Settings, SettingsError

ROOT = Path(main.__file__).parent

# Every variable with a value and what is read from it.
READ = [
    ("DATABASE_URL", "sqlite:///x.db", "sqlite:///x.db"),
    ("AZURE_SQL_CONNECTION_STRING", "Driver=x", "Driver=x"),
    ("SOURCE_URL", "file:///csv", "file:///csv"),
    ("AZURE_STORAGE_CONNECTION_STRING", "AccountName=x", "AccountName=x"),
    ("AZURE_STORAGE_CONTAINER", "csv", "csv"),
    ("S3_BUCKET_NAME", "csv", "csv"),
    ("CELERY_BROKER_URL", "redis://h", "redis://h"),
    ("CELERY_RESULT_BACKEND", "redis://h", "redis://h"),
    ("HOST", "0.0.0.0", "0.0.0.0"),
    ("PORT", "80", 80),
    ("WEB_THREADS", "1", 1),
    ("WORKER_THREADS", "3", 3),
    ("MAX_WAITING_LOADS", "7", 7),
    ("LEASE_SECONDS", "0.5", 0.5),
    ("SWEEP_SECONDS", "86400", 86400),
    ("SHUTDOWN_SECONDS", "9", 9),
    ("MAX_JSON_BYTES", "1000", 1000),
    ("MAX_ATTEMPTS", "2", 2),
    ("UPLOAD_URL", "/spool", "/spool"),
    ("MAX_UPLOAD_BYTES", "1000", 1000),
    ("MAX_UNPACKED_BYTES", "2000", 2000),
    (
        "CORS_ORIGINS",
        " https://a.example ,https://b.example",
        ("https://a.example", "https://b.example"),
    ),
    ("API_KEYS", "one, two,", ("one", "two")),
    ("LOG_LEVEL", "DEBUG", "DEBUG"),
]

WRONG = [
    ("PORT", "eighty", "integer"),
    ("PORT", "0", "greater than or equal to 1"),
    ("PORT", "65536", "less than or equal to 65535"),
    ("PORT", "80.5", "integer"),
    ("WEB_THREADS", "0", "greater than or equal to 1"),
    ("WORKER_THREADS", "-1", "greater than or equal to 1"),
    ("MAX_WAITING_LOADS", "many", "integer"),
    ("LEASE_SECONDS", "0", "greater than 0"),
    ("LEASE_SECONDS", "inf", "less than or equal to 86400"),
    ("SWEEP_SECONDS", "nan", "less than or equal to 86400"),
    ("SWEEP_SECONDS", "soon", "number"),
    ("SHUTDOWN_SECONDS", "1.5", "integer"),
    ("MAX_JSON_BYTES", "16MB", "integer"),
    ("MAX_ATTEMPTS", "0", "greater than or equal to 1"),
    ("MAX_UPLOAD_BYTES", "-1", "greater than or equal to 1"),
    ("MAX_UNPACKED_BYTES", "lots", "integer"),
    ("CORS_ORIGINS", ",", "words separated by commas"),
    ("API_KEYS", ", ,", "words separated by commas"),
    ("LOG_LEVEL", "loud", "DEBUG|INFO|WARNING|ERROR|CRITICAL"),
]


def plain(value: object) -> object:
    """A setting without the wrapper that keeps secrets out of logs."""
    if isinstance(value, tuple):
        return tuple(plain(part) for part in value)
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def test_every_variable_is_tried_here() -> None:
    assert [name.lower() for name, _, _ in READ] == list(Settings.model_fields)


@pytest.mark.parametrize(("name", "text", "value"), READ)
def test_a_variable_is_read_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: object
) -> None:
    monkeypatch.setenv(name, text)

    assert plain(getattr(Settings.load(), name.lower())) == value


@pytest.mark.parametrize(("name", "text", "value"), READ)
def test_a_variable_is_read_from_the_env_file(name: str, text: str, value: object) -> None:
    Path(".env").write_text(f"{name}={text}\n")

    assert plain(getattr(Settings.load(), name.lower())) == value


def test_the_environment_wins_over_the_env_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("PORT=1\nHOST=file\nUNKNOWN=x\n")
    monkeypatch.setenv("PORT", "2")

    settings = Settings.load()

    assert (settings.port, settings.host) == (2, "file")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_an_empty_variable_counts_as_not_given(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name.upper(), "")

    assert Settings.load() == Settings.load().model_copy(update={name: default_of(name)})


def test_the_container_has_an_older_name_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_BLOB_CONTAINER", "old")
    assert Settings.load().azure_storage_container == "old"

    monkeypatch.setenv("AZURE_STORAGE_CONTAINER", "new")
    assert Settings.load().azure_storage_container == "new"


@pytest.mark.parametrize(("name", "text", "expected"), WRONG)
def test_a_wrong_value_is_refused_by_name_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, expected: str
) -> None:
    monkeypatch.setenv(name, text)

    with pytest.raises(SettingsError) as refusal:
        Settings.load()

    said = str(refusal.value)
    assert said.startswith(f"{name}: ")
    assert expected in said
    if len(text) > 3:
        assert text not in said.replace(expected, "")


def test_all_wrong_values_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "x")
    monkeypatch.setenv("LOG_LEVEL", "x")

    with pytest.raises(SettingsError, match=r"PORT: .*; LOG_LEVEL: "):
        Settings.load()


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "API_KEYS", "CELERY_BROKER_URL", "AZURE_SQL_CONNECTION_STRING"):
        monkeypatch.setenv(name, "s3cret")

    assert "s3cret" not in repr(Settings.load())


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CELERY_BROKER_URL", "redis://:s3cret@h/0", "CELERY_BROKER_URL"),
        ("AZURE_SQL_CONNECTION_STRING", "Driver=x;Pwd=s3cret", "AZURE_SQL_CONNECTION_STRING"),
        ("AZURE_STORAGE_CONNECTION_STRING", "AccountKey=s3cret", "AZURE_STORAGE_CONNECTION_STRING"),
        ("S3_BUCKET_NAME", "s3cret", "S3_BUCKET_NAME"),
        ("DATABASE_URL", "mysql://u:s3cret@h/d", "DATABASE_URL: mysql is not supported"),
        ("DATABASE_URL", "s3cret", "DATABASE_URL: expected a URL like sqlite:///var/hiring.db"),
        ("DATABASE_URL", "s3cret://x", "DATABASE_URL"),
        ("SOURCE_URL", "s3://s3cret/x", "SOURCE_URL: s3 is not supported"),
        ("SOURCE_URL", "https://u:s3cret@h/x", "SOURCE_URL: https is not supported"),
    ],
)
def test_components_that_there_are_not_are_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError) as refusal:
        main.compose(Settings.load())

    assert said in str(refusal.value)
    assert value not in str(refusal.value)
    with pytest.raises(SystemExit, match=f"error: .*{name}"):
        main.build(Settings.load())


def test_older_variables_do_no_harm_beside_the_newer_ones(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CELERY_RESULT_BACKEND", "redis://h")
    monkeypatch.setenv("AZURE_SQL_CONNECTION_STRING", "Driver=x")
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", "AccountName=x")
    monkeypatch.setenv("S3_BUCKET_NAME", "csv")

    main.compose(Settings.load()).engine.dispose()


def test_the_example_lists_every_setting_with_its_default_and_its_meaning() -> None:
    declared = re.findall(
        r"^    (\w+): .*  # (.+)$", (ROOT / "config.py").read_text(), re.MULTILINE
    )
    assert [name for name, _ in declared] == list(Settings.model_fields)

    expected = "\n".join(
        f"\n# {meaning}\n{name.upper()}={as_text(default_of(name))}" for name, meaning in declared
    )

    introduction, _, listed = (ROOT / ".env.example").read_text().partition("\n\n")
    assert all(line.startswith("#") for line in introduction.splitlines())
    assert f"\n{listed}" == f"{expected}\n"


def test_a_copy_of_the_example_changes_nothing() -> None:
    defaults = Settings.load()
    Path(".env").write_bytes((ROOT / ".env.example").read_bytes())

    assert Settings.load() == defaults


def default_of(name: str) -> Any:
    return Settings.model_fields[name].default


def as_text(default: object) -> str:
    if isinstance(default, tuple):
        return ",".join(default)
    return "" if default is None else str(default)
