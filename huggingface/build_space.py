"""Stages two complete Hugging Face Spaces, `backend` and `frontend`, and publishes them if told to.

    python huggingface/build_space.py [--out huggingface/build]
    uv run --only-group spaces python huggingface/build_space.py --push OWNER [--dry-run]

Each folder holds its README and Dockerfile, the locked requirements with their hashes, the
project's own wheels, and what it was built from; the backend's also holds the champion.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from publishing import CannotPublish, Publication, address, publish
from staged_folders import CannotStage
from staging import BACKEND, FRONTEND, SPACES, BuildFacts, Space, build_facts, stage_all

OUT = Path(__file__).resolve().parent / "build"
SECRETS = tuple(name for space in SPACES for name in space.secrets)


def publications(
    arguments: argparse.Namespace, environ: Mapping[str, str]
) -> tuple[Publication, Publication]:
    """The API first: the dashboard is told where it is. Raises CannotPublish."""
    missing = [name for name in arguments.secret if not environ.get(name)]
    if missing:
        raise CannotPublish(f"{missing[0]} is not set, so it cannot become a secret.")

    def secrets(space: Space) -> dict[str, str]:
        return {name: environ[name] for name in arguments.secret if name in space.secrets}

    api_repo = f"{arguments.push}/{arguments.api_name}"
    return (
        Publication(arguments.out / BACKEND.name, api_repo, secrets=secrets(BACKEND)),
        Publication(
            arguments.out / FRONTEND.name,
            f"{arguments.push}/{arguments.dashboard_name}",
            variables={"API_URL": address(api_repo)},
            secrets=secrets(FRONTEND),
        ),
    )


def require_committed(arguments: argparse.Namespace, facts: BuildFacts) -> None:
    """Raises CannotPublish where what would be public is nobody's commit."""
    if facts.is_dirty and not (arguments.dry_run or arguments.allow_dirty):
        raise CannotPublish(
            "what would be pushed is not committed (git status): commit it, or add --allow-dirty."
        )


def push(arguments: argparse.Namespace, facts: BuildFacts) -> None:
    """Publish both, or with `--dry-run` say what would be."""
    message = f"Assay {facts.short_commit or 'without a commit'}"
    if arguments.dry_run:
        print(message)
    for publication in publications(arguments, os.environ):
        if arguments.dry_run:
            print(publication.plan())
        else:
            publish(publication, private=arguments.private, message=message)
            print(f"{publication.repo_id}: {address(publication.repo_id)}")
    if arguments.private and "ASSAY_HF_TOKEN" not in arguments.secret:
        print(
            f"{arguments.push}/{arguments.dashboard_name} still needs the secret ASSAY_HF_TOKEN, "
            f"a token that may read {arguments.push}/{arguments.api_name}."
        )


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--out", type=lambda text: Path(text).resolve(), default=OUT)
    hub = made.add_argument_group("publishing (the token is HF_TOKEN, or that of hf auth login)")
    hub.add_argument("--push", metavar="OWNER", help="publish to this account or organization")
    hub.add_argument("--api-name", default="assay-api", help="the API's Space (%(default)s)")
    hub.add_argument("--dashboard-name", default="assay", help="the dashboard's (%(default)s)")
    hub.add_argument("--private", action="store_true", help="for you and your organization only")
    hub.add_argument(
        "--secret",
        action="append",
        choices=SECRETS,
        default=[],
        help="pass this variable's value on as a secret; may be repeated",
    )
    hub.add_argument("--dry-run", action="store_true", help="only print what would be pushed")
    hub.add_argument(
        "--allow-dirty", action="store_true", help="push what is not committed, and say so"
    )
    return made


def main() -> int:
    arguments = parser().parse_args()
    try:
        facts = build_facts()
        if arguments.push:
            require_committed(arguments, facts)
        stage_all(arguments.out, facts)
        for space in SPACES:
            print(f"{space.name}: {arguments.out / space.name}")
        if arguments.push:
            push(arguments, facts)
    except (CannotStage, CannotPublish) as reason:
        print(f"build_space.py: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
