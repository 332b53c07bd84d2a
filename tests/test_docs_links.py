"""What the Markdown files point at is there, and nothing in them waits to be written."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).resolve().parents[1]
HIDDEN = re.compile(r"(^|/)\.")  # environments, caches

CODE = re.compile(r"^(```|~~~).*?^\1|`[^`\n]*`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(\s*<?([^)>\s]+)|^\[[^\]]+\]:\s*<?([^>\s]+)|(?:src|href)=\"([^\"]+)\"", re.M)
HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
PLACEHOLDER = re.compile(r"^[\s>*_|-]*([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)[\s*_|.]*$", re.MULTILINE)


def documents() -> list[Path]:
    """Every Markdown file of the repository, also one that was not added yet."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):  # an archive, not a clone
        found = [path for path in ROOT.rglob("*.md") if not HIDDEN.search(_name(path))]
    else:
        found = [ROOT / name for name in listed.stdout.split("\0") if name]
    return sorted(path for path in found if path.is_file())


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose(path: Path) -> str:
    return CODE.sub("", path.read_text(encoding="utf-8"))


def anchors(path: Path) -> set[str]:
    """As GitHub makes them of headings."""
    text = re.sub(r"^(```|~~~).*?^\1", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    lowered = [heading.replace("`", "").lower() for heading in HEADING.findall(text)]
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in lowered}


def broken_links(path: Path) -> list[str]:
    broken = []
    for groups in LINK.findall(prose(path)):
        link = next(filter(None, groups))
        if re.match(r"[a-z][a-z0-9+.-]*:|//", link):
            continue
        name, _, anchor = unquote(link).partition("#")
        target = path.parent / name if name else path
        missing = not target.exists()
        if missing or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(link)
    return broken


def placeholders(path: Path) -> list[str]:
    return PLACEHOLDER.findall(prose(path))


def test_the_documents_are_found() -> None:
    assert ROOT / "README.md" in documents()
    assert len(documents()) >= 10


@pytest.mark.parametrize("path", documents(), ids=_name)
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    assert broken_links(path) == []


@pytest.mark.parametrize("path", documents(), ids=_name)
def test_no_placeholder_is_left(path: Path) -> None:
    assert placeholders(path) == []


def test_a_broken_link_and_a_placeholder_are_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# One heading\n\n[good](page.md#one-heading) [web](https://example.org/x.md)\n"
        '![bad](no.png) [bad](#two) <img src="gone.svg">\n\n[later]: nowhere.md\n'
        "`[code](none)`\n\nRESULTS_TABLE\n\nThe setting ASSAY_HOST in a sentence.\n"
    )
    assert broken_links(page) == ["no.png", "#two", "gone.svg", "nowhere.md"]
    assert placeholders(page) == ["RESULTS_TABLE"]
