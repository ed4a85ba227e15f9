"""The pages say what is true: the generated one is fresh, links and make targets exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from Documentation import generate
from domain.reject import RejectCode

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "Documentation").rglob("*.md")])
DECISIONS = ROOT / "Documentation" / "decisions"

_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_MAKE = re.compile(r"(?:^|`)make((?: [a-z-]+)+)", re.MULTILINE)
_NOT_LETTERS = re.compile(r"[^\w\- ]")


def _links(page: Path) -> Iterator[tuple[str, str]]:
    """The path and the anchor of each link that leads to a file of the repository."""
    for target in _LINK.findall(_FENCE.sub("", page.read_text())):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            yield path, anchor


def _anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of the headings of a page."""
    heads = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text()), re.MULTILINE)
    return {_NOT_LETTERS.sub("", head.lower()).replace(" ", "-") for head in heads}


def _targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_the_generated_page_is_fresh() -> None:
    assert generate.PAGE.read_text() == generate.render(), "run `make docs` and commit the page"


def test_main_writes_the_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(generate, "PAGE", tmp_path / "page.md")
    generate.main()
    assert (tmp_path / "page.md").read_text() == generate.render()


@pytest.mark.parametrize("code", RejectCode)
def test_the_data_dictionary_explains_every_reject_code(code: RejectCode) -> None:
    assert f"| `{code}` |" in generate.render()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for path, anchor in _links(page):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name} links to {path}"
        if anchor:
            assert anchor in _anchors(target), f"{page.name} links to {path}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_make_targets_exist(page: Path) -> None:
    named = {word for words in _MAKE.findall(page.read_text()) for word in words.split()}
    assert named <= _targets()


def test_every_decision_is_listed_and_numbered() -> None:
    records = sorted(path.name for path in DECISIONS.glob("[0-9]*.md"))
    assert [int(name[:4]) for name in records] == list(range(1, len(records) + 1))
    assert set(records) == {path for path, _ in _links(DECISIONS / "README.md")}
