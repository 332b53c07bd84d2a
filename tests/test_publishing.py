"""What `build_space.py --push` does to a Hub, asked by the Hub's own client."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from build_space import parser, publications, push
from publishing import CannotPublish, Publication, address, publish
from staging import BuildFacts

from upstream.hub import TOKEN, Hub, HubSpace, Refusal

KEY = "an admin's key"

# the Hub's client, where it uploads large files without Xet
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture(autouse=True)
def logged_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A token, and nothing of this machine's login; large files by the protocol that is played."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    monkeypatch.delenv("ASSAY_ADMIN_KEY", raising=False)


@pytest.fixture
def publication(tmp_path: Path) -> Publication:
    folder = tmp_path / "staged"
    (folder / "data").mkdir(parents=True)
    (folder / "README.md").write_text("---\nsdk: docker\n---\n")
    (folder / "Dockerfile").write_text("FROM scratch\n")
    (folder / "data" / "model.onnx").write_bytes(bytes(range(256)))
    return Publication(
        folder, "someone/assay-api", variables={"SEEN": "1"}, secrets={"ASSAY_ADMIN_KEY": KEY}
    )


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def run(checkout: Path, out: Path, *arguments: str, hub: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "HF_ENDPOINT": hub,
        "HF_HUB_DISABLE_XET": "1",
        "ASSAY_ADMIN_KEY": KEY,
        "ASSAY_HF_TOKEN": "hf_MayRead",
    }
    return subprocess.run(
        [sys.executable, "huggingface/build_space.py", "--out", str(out), *arguments],
        cwd=checkout,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_both_spaces_become_what_was_staged(checkout: Path, tmp_path: Path) -> None:
    with Hub() as hub:
        hub.spaces["someone/assay"] = HubSpace(
            "docker", files={".gitattributes": b"kept", "wheels/old.whl": b"", "app.py": b"old"}
        )
        done = run(
            checkout,
            tmp_path,
            *("--push", "someone", "--private", "--allow-dirty"),
            *("--secret", "ASSAY_ADMIN_KEY", "--secret", "ASSAY_HF_TOKEN"),
            hub=hub.address,
        )
    assert done.returncode == 0, done.stderr
    api, dashboard = hub.spaces["someone/assay-api"], hub.spaces["someone/assay"]
    for space, folder in ((api, tmp_path / "backend"), (dashboard, tmp_path / "frontend")):
        pushed = {path: bytes_ for path, bytes_ in space.files.items() if path != ".gitattributes"}
        assert pushed == content(folder)
        assert len(pushed) > 4
        assert (space.sdk, space.visibility) == ("docker", "private")
        assert len(space.commits) == 1
    assert dashboard.files[".gitattributes"] == b"kept"
    assert (api.variables, api.secrets) == ({}, {"ASSAY_ADMIN_KEY": KEY})
    assert dashboard.variables == {"API_URL": "https://someone-assay-api.hf.space"}
    assert dashboard.secrets == {"ASSAY_HF_TOKEN": "hf_MayRead"}
    for secret in (KEY, "hf_MayRead", TOKEN):
        assert secret not in done.stdout + done.stderr


def test_a_dry_run_tells_each_file_and_asks_nobody(
    publication: Publication, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ASSAY_ADMIN_KEY", KEY)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    out = publication.folder.parent
    publication.folder.rename(out / "backend")
    arguments = parser().parse_args(
        [
            "--push",
            "Some_One",
            "--dry-run",
            "--dashboard-name",
            "gold.page",
            "--secret",
            "ASSAY_ADMIN_KEY",
        ]
    )
    arguments.out = out
    push(arguments, BuildFacts("", "", ""))
    told = capsys.readouterr().out
    for path in content(out / "backend"):
        assert f"  {path}\n" in told
    assert "Some_One/gold.page: https://some-one-gold-page.hf.space\n" in told
    assert "  variable  API_URL=https://some-one-assay-api.hf.space\n" in told
    assert "  secret    ASSAY_ADMIN_KEY\n" in told
    assert KEY not in told


def test_a_secret_that_is_not_set_is_named_before_anything_is_pushed() -> None:
    asked = parser().parse_args(["--push", "someone", "--secret", "ASSAY_ADMIN_KEY"])
    with pytest.raises(CannotPublish, match="ASSAY_ADMIN_KEY is not set"):
        publications(asked, {})


def test_a_public_space_is_made_private_before_anything_is_pushed(
    publication: Publication,
) -> None:
    with Hub() as hub:
        hub.spaces[publication.repo_id] = HubSpace("docker")
        publish(publication, private=True, message="m", endpoint=hub.address)
    changed = hub.asked.index(f"PUT /api/spaces/{publication.repo_id}/settings")
    pushed = hub.asked.index(f"POST /api/spaces/{publication.repo_id}/commit/main")
    assert changed < hub.asked.index(f"POST /api/spaces/{publication.repo_id}/secrets") < pushed


def test_a_private_space_is_never_made_public(publication: Publication) -> None:
    with Hub() as hub:
        hub.spaces[publication.repo_id] = HubSpace("docker", "private")
        publish(publication, private=False, message="m", endpoint=hub.address)
    assert hub.spaces[publication.repo_id].visibility == "private"


@pytest.mark.parametrize(
    ("status", "says", "meaning"),
    [
        (402, "Upgrade to PRO", "needs a paid plan of someone"),
        (403, "You don't have the rights", "someone is not its owner's"),
        (404, "No such owner", "there is no someone"),
        (500, f"oops {TOKEN}", "cannot be done now"),
    ],
)
def test_a_refusal_is_one_sentence_with_what_the_hub_says(
    publication: Publication, status: int, says: str, meaning: str
) -> None:
    def refuse(method: str, path: str) -> Refusal | None:
        return Refusal(status, says) if path == "/api/repos/create" else None

    with Hub(refuse) as hub, pytest.raises(CannotPublish) as caught:
        publish(publication, private=False, message="m", endpoint=hub.address)
    sentence = str(caught.value)
    assert sentence.startswith("someone/assay-api: ")
    assert meaning in sentence
    assert f"{status}: {says.replace(TOKEN, '(the token)')}" in sentence
    assert "\n" not in sentence


def test_a_token_that_is_not_valid_is_told_and_not_shown(
    publication: Publication, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_Outworn")
    with Hub() as hub, pytest.raises(CannotPublish, match="not valid") as caught:
        publish(publication, private=False, message="m", endpoint=hub.address)
    assert "hf_Outworn" not in str(caught.value)
    assert not hub.spaces


def test_without_a_token_it_says_how_to_give_one(
    publication: Publication, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(CannotPublish, match="HF_TOKEN"):
        publish(publication, private=False, message="m", endpoint="http://127.0.0.1:9")


def test_without_a_network_it_says_so(publication: Publication) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(CannotPublish, match="cannot be reached"):
        publish(publication, private=False, message="m", endpoint=f"http://127.0.0.1:{port}")


@pytest.mark.parametrize("name", ["some one/assay", "someone/assay--api", "/assay", "a/b/c"])
def test_a_name_that_no_space_may_have_is_refused(publication: Publication, name: str) -> None:
    with Hub() as hub, pytest.raises(CannotPublish, match=name):
        publish(
            Publication(publication.folder, name), private=False, message="m", endpoint=hub.address
        )
    assert not hub.asked


def test_where_the_client_is_missing_it_says_how_to_get_it(
    publication: Publication, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(CannotPublish, match="uv run --only-group spaces"):
        publish(publication, private=False, message="m", endpoint="http://127.0.0.1:9")


def test_a_publication_does_not_show_its_secrets(publication: Publication) -> None:
    assert KEY not in repr(publication)
    assert KEY not in publication.plan()


def test_an_address_is_made_as_the_hub_makes_it() -> None:
    assert address("Some_One/gold.page") == "https://some-one-gold-page.hf.space"
