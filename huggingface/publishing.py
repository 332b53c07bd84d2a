"""Publishes staged folders as Spaces, by the Hub's own client.

The token comes from HF_TOKEN or from `hf auth login`, values of secrets from the environment;
neither is ever printed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

WITHOUT_CLIENT = (
    "huggingface_hub is missing: "
    "uv run --only-group spaces python huggingface/build_space.py --push OWNER"
)
NOT_LOGGED_IN = (
    "there is no token: set HF_TOKEN to one that may write "
    "(https://huggingface.co/settings/tokens), or run: hf auth login"
)


class CannotPublish(Exception):
    """Why a Space cannot be published, as the one sentence a person reads."""


@dataclass(frozen=True, slots=True)
class Publication:
    """A staged folder, and the Space that it becomes."""

    folder: Path
    repo_id: str
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    def plan(self) -> str:
        """What would be pushed, a line each."""
        lines = [f"{self.repo_id}: {address(self.repo_id)}"]
        lines += [f"  variable  {name}={value}" for name, value in self.variables.items()]
        lines += [f"  secret    {name}" for name in self.secrets]
        lines += [
            f"  {path.stat().st_size:>8,}  {path.relative_to(self.folder)}" for path in self.files()
        ]
        return "\n".join(lines)


def address(repo_id: str) -> str:
    """Where the Hub serves a Space: every sign but letters and digits becomes a hyphen."""
    return f"https://{re.sub(r'[^a-z0-9]+', '-', repo_id.lower()).strip('-')}.hf.space"


def publish(
    publication: Publication, *, private: bool, message: str, endpoint: str | None = None
) -> None:
    """Make the Space what the staged folder is; files that are not in it are deleted there.

    A Space that is there keeps its visibility, unless it shall be private: then it is made so
    before anything is pushed. Variables and secrets come first, so that the first start has them.
    """
    api = _client(endpoint)
    repo_id = publication.repo_id
    with _one_sentence(repo_id, str(api.token)):
        _create(api, repo_id, private=private)
        for name, value in publication.variables.items():
            api.add_space_variable(repo_id, name, value)
        for name, value in publication.secrets.items():
            api.add_space_secret(repo_id, name, value)
        api.upload_folder(
            repo_id=repo_id,
            repo_type="space",
            folder_path=publication.folder,
            delete_patterns="*",
            commit_message=message,
        )


def _create(api: HfApi, repo_id: str, *, private: bool) -> None:
    api.create_repo(
        repo_id,
        repo_type="space",
        space_sdk="docker",
        private=private or None,
        exist_ok=True,
    )
    if private and not api.space_info(repo_id).private:
        api.update_repo_settings(repo_id, repo_type="space", private=True)


def _client(endpoint: str | None) -> HfApi:
    try:
        from huggingface_hub import HfApi, get_token
        from huggingface_hub.utils.tqdm import disable_progress_bars
    except ImportError as error:
        raise CannotPublish(WITHOUT_CLIENT) from error
    token = get_token()
    if not token:
        raise CannotPublish(NOT_LOGGED_IN)
    disable_progress_bars()
    return HfApi(endpoint=endpoint, token=token)


@contextmanager
def _one_sentence(repo_id: str, token: str) -> Iterator[None]:
    from httpx2 import HTTPError
    from huggingface_hub.errors import HfHubHTTPError

    try:
        yield
    except HfHubHTTPError as error:
        sentence = _refusal(error, repo_id).replace(token, "(the token)")
        raise CannotPublish(sentence) from error
    except HTTPError as error:
        raise CannotPublish(f"Hugging Face cannot be reached: {error}") from error
    except (ValueError, RuntimeError) as error:  # what the client itself finds wrong
        sentence = " ".join(str(error.__cause__ or error).split())
        raise CannotPublish(f"{repo_id}: {sentence}".replace(token, "(the token)")) from error


def _refusal(error: HfHubHTTPError, repo_id: str) -> str:
    owner = repo_id.partition("/")[0]
    said = " ".join((error.server_message or "no reason given").split())
    meaning = {
        401: "the token is not valid (any more)",
        402: f"a Docker Space needs a paid plan of {owner}",
        403: f"the token may not write there, {owner} is not its owner's, or the plan has no"
        " Docker Spaces",
        404: f"there is no {owner}, or the token may not see it",
        413: "a file is too large",
        429: "too many requests: try again later",
    }.get(error.response.status_code, "it cannot be done now")
    return f"{repo_id}: {meaning} (Hugging Face says {error.response.status_code}: {said})"
