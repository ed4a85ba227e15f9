"""Make invented hiring data: departments.csv, jobs.csv and hired_employees.csv.

    python -m bench.generate FOLDER [--employees 2000] [--seed 2021] [--bad-share 0.035] [--plain]

The files are UTF-8 without header, with CRLF between lines and none after the last. The same
arguments give the same bytes. Every bad row is wrong in exactly one way.
"""

import argparse
import datetime as dt
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import cycle, islice, product
from operator import add
from pathlib import Path

FIRST_NAMES = (
    "Ann Bram Corin Delia Edda Fenn Greta Hollis Ilse Joran Kestrel Lorne Mirela Nils Orla Perrin "
    "Quill Rowan Sabine Tamsin Ulric Vesna Wystan Yara Søren Zoë Łukasz Chloé Jürgen Þóra Šárka"
)
SURNAMES = (
    "Smith Ashgrove Brindle Coldwell Dunmore Elverhoy Farrowby Gantry Hazelwick Ivarsen Jessop "
    "Kilbray Larkmoor Mosswell Norcott Oakhanger Pellworth Quenby Rushmere Stavely Thornaby "
    "Umberleigh Varley Winterhay O'Dell Yarrow-Finch Ødegård Núñez Żak Müller Çelik 田中"
)
PLACES = ("Coastal", "Upland", "Riverside")
CRAFTS = ("Carving", "Insight", "Gardens", "Fleet")
RANKS = ("Apprentice", "Adjunct", "Lead", "Chief")
THINGS = ("Drone", "Signal", "Archive", "Canal", "Greenhouse", "Tramway", "Beacon", "Atlas")
ROLES = ("Tuner", "Planner", "Keeper", "Mender", "Surveyor", "Weaver")

DEPARTMENTS = [" ".join(words) for words in product(PLACES, CRAFTS)]
JOBS = [" ".join(words) for words in islice(product(RANKS, THINGS, ROLES), 183)]

FIRST_DAY, LAST_DAY = dt.date(2020, 12, 20), dt.date(2022, 1, 15)
DAYS = [FIRST_DAY + dt.timedelta(days) for days in range((LAST_DAY - FIRST_DAY).days + 1)]

# A datetime is an hour of a day and a moment of the hour: a few thousand texts give millions.
HOURS = [f"{day}T{hour:02}:" for day, hour in product(DAYS, range(24))]
MOMENTS = [f"{minute:02}:{second:02}Z" for minute, second in product(range(60), range(60))]

# Later departments hire more, so that some lie clearly above the mean.
DEPARTMENT_IDS = [str(id_) for id_ in range(1, len(DEPARTMENTS) + 1) for _ in range(id_ + 6)]
JOB_IDS = [str(id_) for id_ in range(1, len(JOBS) + 1)]

# What makes a row bad: the code to expect, a column, and texts put there; None leaves it out.
# Codes are spelled out, not imported: they are part of the API and must not change unnoticed.
Faults = list[tuple[str, str, list[str | None]]]

NOT_THE_ID = ("name", "datetime", "department_id", "job_id")
EMPTY: Faults = [("missing_value", column, [""]) for column in NOT_THE_ID]
BLANK: Faults = [("missing_value", column, ["   ", "\t"]) for column in NOT_THE_ID]
OTHERS: Faults = [
    ("not_an_integer", "department_id", ["1e3", "+7", "7.0", "x"]),
    ("out_of_range", "job_id", ["0", "2147483648", "99999999999999999999"]),
    ("not_a_timestamp", "datetime", ["2021-02-30T10:00:00Z", "yesterday"]),
    ("too_long", "name", ["x" * 256, "Żak " * 100 + "Żak"]),
    # A lone surrogate is written as the byte that it stands for: \udce9 as 0xE9.
    ("bad_encoding", "name", ["Ren\udce9 Varley", "Orla Caf\udce9"]),
    ("forbidden_character", "name", ["Nils\0Jessop"]),
    ("wrong_column_count", "job_id", [None, "7,8"]),
    ("unknown_department", "department_id", [f"{len(DEPARTMENTS) + 1}", "2147483647"]),
    ("unknown_job", "job_id", [f"{len(JOBS) + 1}", "2147483647"]),
    ("not_an_integer", "job_id", ["x", "7.0", "+7", "1e3"]),
    ("out_of_range", "department_id", ["2147483648", "0"]),
    ("not_a_timestamp", "datetime", ["2021-06-30T23:59:60Z", "2021-06-30T10:00Z"]),
    ("wrong_column_count", "name", ["Żak, Ann", None]),
    ("not_an_integer", "id", ["x7"]),
    ("out_of_range", "id", ["0"]),
]

CHUNK = 20_000


def generate(
    folder: Path,
    employees: int = 2000,
    *,
    seed: int = 2021,
    bad_share: float = 0.035,
    plain: bool = False,
) -> dict[str, int]:
    """Write the three files into `folder`; return the number of bad rows per reject code."""
    if employees < 0 or not 0 <= bad_share <= 1:
        raise ValueError("employees must not be negative and bad_share must be between 0 and 1")
    folder.mkdir(parents=True, exist_ok=True)
    bad: Counter[str] = Counter()
    _write(folder / "departments.csv", [_numbered(DEPARTMENTS)])
    _write(folder / "jobs.csv", [_numbered(JOBS)])
    chunks = _employees(employees, random.Random(seed), bad_share, plain, bad)
    _write(folder / "hired_employees.csv", chunks)
    return dict(bad)


def _write(path: Path, chunks: Iterable[list[str]]) -> None:
    separator = b""
    with path.open("wb") as file:
        for lines in chunks:
            file.write(separator + "\r\n".join(lines).encode(errors="surrogateescape"))
            separator = b"\r\n"


def _numbered(names: list[str]) -> list[str]:
    return [f"{number},{name}" for number, name in enumerate(names, start=1)]


def _employees(
    employees: int, rng: random.Random, bad_share: float, plain: bool, bad: Counter[str]
) -> Iterator[list[str]]:
    """Yield the lines of hired_employees.csv in chunks; count the bad ones in `bad`."""
    names, faults = _names(plain), _faults(plain)
    for start in range(0, employees, CHUNK):
        stop = min(start + CHUNK, employees)
        columns = _columns(range(start + 1, stop + 1), names, rng)
        lines = [",".join(cells) for cells in zip(*columns.values(), strict=True)]
        quota = round(stop * bad_share) - round(start * bad_share)
        for index in rng.sample(range(len(lines)), quota):
            code, spoiled, text = next(faults)
            row = {column: cells[index] for column, cells in columns.items()} | {spoiled: text}
            lines[index] = ",".join(cell for cell in row.values() if cell is not None)
            bad[code] += 1
        yield lines


def _names(plain: bool) -> list[str]:
    """Combine names and surnames; unless `plain`, one in 25 is a quoted "Surname, Name"."""
    return [
        f"{first} {surname}" if plain or index % 25 else f'"{surname}, {first}"'
        for index, (first, surname) in enumerate(product(FIRST_NAMES.split(), SURNAMES.split()))
    ]


def _columns(ids: range, names: list[str], rng: random.Random) -> dict[str, list[str]]:
    """Draw good values for the employees `ids`, column by column in file order."""
    count = len(ids)
    return {
        "id": [str(id_) for id_ in ids],
        "name": rng.choices(names, k=count),
        "datetime": list(map(add, rng.choices(HOURS, k=count), rng.choices(MOMENTS, k=count))),
        "department_id": rng.choices(DEPARTMENT_IDS, k=count),
        "job_id": rng.choices(JOB_IDS, k=count),
    }


def _faults(plain: bool) -> Iterator[tuple[str, str, str | None]]:
    """Yield a code, a column and its text for ever; every second is a missing value."""
    missing = _rotate(EMPTY if plain else [*EMPTY, *BLANK, ("missing_value", "id", [""])])
    for fault in _rotate(OTHERS):
        yield next(missing)
        if not plain:
            yield fault


def _rotate(faults: Faults) -> Iterator[tuple[str, str, str | None]]:
    """Take the faults by turns, and by turns the texts of each."""
    texts = [cycle(texts) for _, _, texts in faults]
    for (code, column, _), text in cycle(zip(faults, texts, strict=True)):
        yield code, column, next(text)


def main() -> None:
    """Generate from the command line; print a line per file."""
    parser = argparse.ArgumentParser(prog="bench.generate", description="Write invented CSVs.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--employees", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=2021)
    parser.add_argument("--bad-share", type=float, default=0.035)
    parser.add_argument("--plain", action="store_true", help="only missing values, no quoted names")
    options = parser.parse_args()
    bad = generate(**vars(options))
    codes = "".join(f", {code} {count}" for code, count in sorted(bad.items()))
    print(f"departments.csv: {len(DEPARTMENTS)} rows, 0 bad")
    print(f"jobs.csv: {len(JOBS)} rows, 0 bad")
    print(f"hired_employees.csv: {options.employees} rows, {sum(bad.values())} bad{codes}")


if __name__ == "__main__":
    main()
