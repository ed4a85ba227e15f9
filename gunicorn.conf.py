"""How gunicorn serves the application: one process with threads, stopped gracefully."""

from typing import Any

from main import check_database, settings_or_exit

_settings = settings_or_exit()

wsgi_app = "main:web_app()"
_host = f"[{_settings.host}]" if ":" in _settings.host else _settings.host
bind = f"{_host}:{_settings.port}"
# One process: the embedded database has one writer at a time, and the workers are its threads.
workers = 1
worker_class = "gthread"
threads = _settings.web_threads
# A load that is waited for may take long; the thread keeps the process alive meanwhile.
timeout = 0
graceful_timeout = _settings.shutdown_seconds
control_socket_disable = True


def on_starting(_server: Any) -> None:  # noqa: ANN401 (gunicorn is not typed)
    """Refuse to start over a database of another version."""
    check_database(_settings)


def worker_exit(_server: Any, worker: Any) -> None:  # noqa: ANN401 (gunicorn is not typed)
    """Let the background loads end their batch and hand them back."""
    worker.app.callable.extensions["workers"].stop(_settings.shutdown_seconds)
