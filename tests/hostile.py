"""CSV files as the worst of exporters would write them.

Everything is drawn from a `random.Random`: one that Hypothesis controls gives small files that
shrink, a seeded one gives thousands of rows in no time.
"""

from random import Random

from domain.rules import BLANKS, Integer, Rule, Text, Timestamp
from domain.table import Table

BOM = b"\xef\xbb\xbf"
LINE_ENDS = (b"\n", b"\r\n", b"\r")


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


INTEGERS = (
    *words("0 00 007 +1 -1 1. 1.0 .1 1e3 1E0 1_000 1,0 0x1 0b1 1L true None null NaN #1 '1' 1; 1-"),
    *words("2147483647 2147483648 -2147483648 4294967297 9223372036854775807 9223372036854775808"),
    *words("\u0661 \u0967 \uff11 \u00b2 \u00bd \u2167 \u4e00 \U0001d7cf 1\u0661 \u22121"),
    *words("\ufeff1 \u200b1 1\u00ad \u180e1 1\u0301 1\0"),
    *("9" * 5000, "0" * 19 + "1", "0" * 40 + "3", "0" * 300, "1\n2", "\r1\n", "- 1", "1 000"),
)
YEARS = words("0000 0001 1899 1900 1970 2000 2020 2021 2100 9999 21 +2021")
MONTHS = words("00 01 02 02 06 12 12 13 1")
DAYS = words("00 01 01 28 29 30 31 31 32 1")
SEPARATORS = ("T", "T", "T", "t", " ", "")
HOURS = words("00 00 09 23 23 24 25 7")
SIXTIETHS = words("00 00 07 59 59 60 61 5")
FRACTIONS = (
    *("", "", "", ". 5", "." + "9" * 40),
    *words(". .0 .5 .123456 .1234569 .999999 .9999999 .000000 .0000001 ,5 .5e1 .\u0661 .12345x"),
)
ZONES = (
    *("", "", "Z", "Z", " +05:00", "\0"),
    *words("+00:00 -00:00 +01:00 -01:00 +0530 -0330 +14 -12 +23:59 -23:59"),
    *words("z ZZ UTC GMT + +24:00 +05:60 +5:30 +05:3 +053 +05: +05:30:00 Z+01:00"),
    *words("\u221205:00 +\u0661\u0662:00"),
)
TIMESTAMPS = (
    *words("2021-07-27 2021-07-27T16:02Z 20210727T160208Z 2021-W30-2T16:02:08Z 1627401728 now T"),
    *words("2021/07/27T16:02:08Z 2021-7-27T16:02:08Z 2021-07-27T160208Z -2021-07-27T16:02:08Z 0 Z"),
    *("27/07/2021 16:02:08", "Jul 27 2021", "2021-07-27T16:02:08\n", "2021-07-27T16:02:08Z\0"),
    *("2021-07-27T16:02:08Z, 2021-07-27T16:02:08Z", "\uff12021-07-27T16:02:08Z"),
)
TEXTS = (
    *words('Ann O\'Neil Müller \u674e e\u0301 Ann\u200b " "" \0 a\0b \ufeff \x7f \x1b[31m'),
    *words("NULL nan N/A #REF! =1+1 0 id -"),
    *("Lee, Ann", 'Ann "Al" Lee', "a\nb", "a\r\nb", "\r", "\u2028"),
    *(sign * length for sign in ("x", "é", "\U0001f600") for length in (255, 256)),
    *(" " + "x" * 255 + "\u3000", "x" * 127 + " " * 2 + "x" * 127),
)
UNDECODABLE = (b"\xff", b"\xc3", b"\x85", b"\xed\xa0\x80", b"caf\xe9", b"\xc0\x80", b"\xf8\x88")
SCRAPS = (b"", b",", b'"', b'""', b'"a', b'a"', b'a"b"', b'"a"b', b'"a" ', b' "a"', b'"a,', b"\0")
EDGES = ("0001-01-01T00:00:00", "9999-12-31T23:59:59", "2020-12-31T23:59:59")


def value(random: Random, rule: Rule) -> bytes:
    """A value for a field, more often a bad one than not; not quoted yet."""
    dice = random.randrange(20)
    if dice == 0:
        return random.choice(UNDECODABLE)
    if dice == 1:
        return random.choice(SCRAPS)
    return _padded(random, _text(random, rule)).encode()


def file(random: Random, table: Table, rows: int, ids: int = 30) -> bytes:
    """A file of so many rows, with the key and the references mostly among 1 to `ids`."""
    ends = random.choice([(end,) for end in LINE_ENDS] + [LINE_ENDS])
    names = [field.name for field in table.fields]
    pieces = [random.choice((b"", b"", BOM))]
    if random.randrange(3) == 0:
        pieces += _blank_lines(random, ends)
    if random.randrange(3) == 0:
        names = _header_names(random, names)
        pieces += [_join(random, [_cased(random, name) for name in names]), random.choice(ends)]
    for _ in range(rows):
        pieces += [row(random, table, names, ids), random.choice(ends)]
        if random.randrange(20) == 0:
            pieces += _blank_lines(random, ends)
    if len(pieces) > 1 and random.randrange(2):
        pieces.pop()
    return b"".join(pieces)


def row(random: Random, table: Table, names: list[str], ids: int) -> bytes:
    """A row with its fields in the order of `names`: good, or bad in some way."""
    dice = random.randrange(30)
    if dice == 0:
        return b"".join(random.choices((*SCRAPS, *UNDECODABLE, *LINE_ENDS), k=5))
    rules = {field.name: field.rule for field in table.fields}
    values = [_mostly_good(random, rules.get(name), ids) for name in names]
    if dice == 1:
        values.pop()
    if dice == 2:
        values.append(b"")
    return _join(random, values)


def _mostly_good(random: Random, rule: Rule | None, ids: int) -> bytes:
    if rule is None or random.randrange(12) == 0:
        return value(random, rule or Text(""))
    match rule:
        case Integer():
            return b"%d" % random.randint(1, ids)
        case Text():
            return random.choice((b"Ann", b"Bo Lee", "Zoë".encode()))
        case Timestamp():
            day = random.randint(1, 28)
            return f"2021-{random.randint(1, 12):02}-{day:02}T16:02:08Z".encode()


def _text(random: Random, rule: Rule) -> str:
    match rule:
        case Integer():
            return random.choice((random.choice(INTEGERS), str(random.randrange(20))))
        case Text():
            return random.choice(TEXTS)
        case Timestamp():
            return random.choice(
                (random.choice(TIMESTAMPS), _timestamp(random), _timestamp(random))
            )


def _timestamp(random: Random) -> str:
    """A timestamp: with one part that may be odd, or with all of them so."""
    parts = ["2021", "-", "07", "-", "27", "T", "16", ":", "02", ":", "08", "", "Z"]
    choices = dict(enumerate((YEARS, MONTHS, DAYS, HOURS, SIXTIETHS, SIXTIETHS)))
    choices = {2 * place: pool for place, pool in choices.items()}
    choices |= {5: SEPARATORS, 11: FRACTIONS, 12: ZONES}
    odd = list(choices) if random.randrange(2) else [random.choice(list(choices))]
    for place in odd:
        parts[place] = random.choice(choices[place])
    if random.randrange(4) == 0:
        parts[:11] = [random.choice(EDGES)]
    return "".join(parts)


def _padded(random: Random, text: str) -> str:
    dice = random.randrange(8)
    if dice == 0:
        return random.choice(BLANKS) + text + random.choice(BLANKS)
    if dice == 1:
        return random.choice(BLANKS) * random.randrange(2)
    return text


def _join(random: Random, values: list[bytes]) -> bytes:
    return b",".join(_written(random, value) for value in values)


def _written(random: Random, value: bytes) -> bytes:
    """A value as it stands in the file: quoted where it must be and sometimes else, mostly."""
    must = any(sign in value for sign in (b",", b'"', b"\r", b"\n"))
    dice = random.randrange(40)
    if dice == 0 or not (must or dice < 4):
        return value
    quoted = b'"%b"' % value.replace(b'"', b'""')
    return quoted + random.choice((b" ", b"\t ", b"x")) if dice == 1 else quoted


def _blank_lines(random: Random, ends: tuple[bytes, ...]) -> list[bytes]:
    blanks = [*"\t\v\f\x1c\x1f \x85\xa0\u2003\u2028\u3000", ""]
    return [(random.choice(blanks) + random.choice(blanks)).encode() + random.choice(ends)]


def _header_names(random: Random, names: list[str]) -> list[str]:
    names = list(names)
    if random.randrange(2):
        random.shuffle(names)
    if random.randrange(3) == 0:
        names.insert(random.randrange(len(names) + 1), random.choice(("note", "", "salary, net")))
    if random.randrange(8) == 0:
        names[random.randrange(len(names))] = random.choice((*names, "nme", "7"))
    return names


def _cased(random: Random, name: str) -> bytes:
    cased = random.choice((name, name.upper(), name.title(), f" {name} "))
    return cased.encode()
