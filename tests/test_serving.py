"""The service as it is run: gunicorn and the command line in processes of their own."""

import gzip
import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

from domain.load import LoadState
from tests.api.samples import employees, write_files
from tests.serving import ROOT, Server, serving, start

ROWS = 250_000


def test_a_stop_during_a_load_ends_the_batch_and_hands_the_load_back(
    database_url: str, source: Path, tmp_path: Path
) -> None:
    write_files(source, employees(ROWS))
    with serving(tmp_path, DATABASE_URL=database_url, SOURCE_URL=str(source)) as server:
        assert server.call("POST", "/departments")[0] == 200
        assert server.call("POST", "/jobs")[0] == 200
        task_id = server.call("POST", f"/upload-hired-employees?limit={ROWS}")[1]["task_id"]
        wait_for_rows(server, task_id)
        server.process.terminate()
        assert server.process.wait(30) == 0

    assert "Traceback" not in server.log.read_text()
    with closing(sqlite3.connect(tmp_path / "hiring.db")) as database:
        state, processed, owner = database.execute(
            "SELECT state, processed, owner FROM loads WHERE id = ?", (task_id,)
        ).fetchone()
        (stored,) = database.execute("SELECT count(*) FROM hired_employees").fetchone()
    assert LoadState(state) in (LoadState.RETRY, LoadState.SUCCESS)
    assert (stored, owner) == (processed, None)


def wait_for_rows(server: Server, task_id: str) -> None:
    """Wait until the first batch is in the database."""
    deadline = time.monotonic() + 30
    while server.call("GET", f"/task-status/{task_id}")[1]["progress"]["rows"] == 0:
        assert time.monotonic() < deadline, server.log.read_text()
        time.sleep(0.005)


def test_an_upload_that_is_cut_off_leaves_nothing(
    database_url: str, source: Path, tmp_path: Path
) -> None:
    with serving(tmp_path, DATABASE_URL=database_url, SOURCE_URL=str(source)) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
            client.sendall(
                b"POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
                b"Content-Length: 100\r\n\r\n1,Tuner\n2,Kee"
            )
            client.shutdown(socket.SHUT_WR)
            answer = client.recv(1000)

        assert answer.startswith(b"HTTP/1.1 400 ")
        assert server.call("GET", "/tasks") == (200, [])
    assert list(tmp_path.glob("var/uploads/**/*.csv")) == []


def test_no_server_starts_over_an_unmigrated_database(source: Path, tmp_path: Path) -> None:
    server = start(tmp_path, DATABASE_URL=f"sqlite:///{tmp_path}/new.db", SOURCE_URL=str(source))

    assert server.process.wait(60) == 1
    said = server.log.read_text()
    assert "error: the database is at version none" in said
    assert "run `make migrate`" in said
    assert "Traceback" not in said


def test_no_server_starts_with_wrong_settings(tmp_path: Path) -> None:
    server = start(tmp_path, WEB_THREADS="many")

    assert server.process.wait(60) == 1
    said = server.log.read_text()
    assert said.startswith("error: WEB_THREADS: ")
    assert "Traceback" not in said


def test_the_command_line_sets_up_and_loads_in_an_empty_folder(
    source: Path, tmp_path: Path
) -> None:
    write_files(source, employees(3))
    flask = [sys.executable, "-m", "flask", "--app", "main"]
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "SOURCE_URL": str(source)}

    def run(*words: str) -> str:
        return subprocess.run(
            [*flask, *words],
            cwd=tmp_path,
            env=variables,
            stdout=subprocess.PIPE,
            text=True,
            timeout=60,
            check=True,
        ).stdout

    run("migrate")
    loaded = json.loads(run("load", "--json"))

    assert [result["inserted"] for result in loaded] == [3, 2, 3]
    assert (tmp_path / "var" / "hiring.db").is_file()


def test_an_upload_that_breaks_off_leaves_nothing(
    database_url: str, source: Path, tmp_path: Path
) -> None:
    body = large_csv()
    form = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n' + body
    length = f"Content-Length: {2 * len(body)}"
    chunk = b"%x\r\n%b\r\n" % (len(body), body)
    cut = [
        ("text/csv", length, body),
        ("text/csv", length, gzip.compress(body)),
        ("text/csv", length, b""),
        ("multipart/form-data; boundary=x", length, form),
        ("multipart/form-data; boundary=x", length, form + b"\r\n--x--\r\n"),
        ("text/csv", "Transfer-Encoding: chunked", chunk),
        ("text/csv", "Transfer-Encoding: chunked", chunk + b"0\r\n"),
        ("text/csv", "Transfer-Encoding: chunked", chunk[: len(chunk) // 2]),
        ("text/csv", "Transfer-Encoding: chunked", chunk + b"nonsense\r\n"),
        ("multipart/form-data; boundary=x", "Transfer-Encoding: chunked", chunk),
    ]
    with serving(tmp_path, DATABASE_URL=database_url, SOURCE_URL=str(source)) as server:
        for kind, size, sent in cut:
            assert b" 400 " in send_and_hang_up(server, kind, size, sent), (kind, size)
            assert server.call("GET", "/tasks") == (200, [])
            assert uploads(tmp_path) == []
        whole = (f"Content-Length: {len(body)}", body), ("Transfer-Encoding: chunked", chunk)
        for (size, sent), end in zip(whole, (b"", b"0\r\n\r\n"), strict=True):
            assert b" 202 " in send_and_hang_up(server, "text/csv", size, sent + end)
        assert len(server.call("GET", "/tasks")[1]) == 2

    assert "Traceback" not in server.log.read_text()


def test_an_upload_is_as_large_as_allowed_and_no_larger(
    database_url: str, source: Path, tmp_path: Path
) -> None:
    body = large_csv()
    limit = str(len(body))
    sizes = [(body, b" 202 "), (body + b"\n", b" 413 ")]
    variables = {"DATABASE_URL": database_url, "SOURCE_URL": str(source)}
    with serving(tmp_path, MAX_UPLOAD_BYTES=limit, **variables) as server:
        for sent, status in sizes:
            length = f"Content-Length: {len(sent)}"
            assert status in send_and_hang_up(server, "text/csv", length, sent)
            chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(sent), sent)
            chunked = "Transfer-Encoding: chunked"
            assert status in send_and_hang_up(server, "text/csv", chunked, chunks)
        assert len(server.call("GET", "/tasks")[1]) == len(sizes)


def large_csv() -> bytes:
    """Comes in several pieces, yet has one row only; the rest are blank lines."""
    return b"1,Tuner\n" + (b" " * 99 + b"\n") * 25_000


def uploads(folder: Path) -> list[Path]:
    """What is in the upload folder."""
    return [path for path in (folder / "var" / "uploads").rglob("*") if path.is_file()]


def send_and_hang_up(server: Server, kind: str, size: str, body: bytes) -> bytes:
    """Send a request and no more; what comes back."""
    head = f"POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n{size}\r\n\r\n"
    answer = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        with suppress(ConnectionError):
            connection.sendall(head.encode() + body)
            connection.shutdown(socket.SHUT_WR)
        with suppress(ConnectionError):
            while data := connection.recv(65536):
                answer += data
    return answer
