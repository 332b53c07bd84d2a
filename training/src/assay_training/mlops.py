"""`python -m assay_training.mlops`: what MLflow, Prefect and their stores need before they start.

`secrets FOLDER` invents the passwords, once; `prepare` makes the databases and the bucket, and
gives the books of an older MLflow the form of this one. Both may run at every start.
"""

from __future__ import annotations

import argparse
import secrets
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

USER = "assay"
# For those who serve, and read as users of their own; the rest is for uid 1000 alone.
POSTGRES_PASSWORD, S3_USER, S3_PASSWORD = "postgres_password", "s3_user", "s3_password"
PGPASS, AWS_CREDENTIALS = "pgpass", "aws_credentials"


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    try:
        options.run(options)
    except Exception as error:  # noqa: BLE001 - each client raises its own; the log needs a sentence
        print(f"assay_training.mlops: {error}", file=sys.stderr)
        return 1
    return 0


def invent_secrets(folder: Path) -> bool:
    """Writes passwords, and the files by which clients find them; whether there were none before.

    Existing ones stay, since the stores that they open have them too.
    """
    if (folder / AWS_CREDENTIALS).exists():
        return False
    postgres, s3 = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    credentials = f"[default]\naws_access_key_id = {USER}\naws_secret_access_key = {s3}\n"
    for name, content, mode in (
        (POSTGRES_PASSWORD, postgres, 0o444),
        (S3_USER, USER, 0o444),
        (S3_PASSWORD, s3, 0o444),
        (PGPASS, f"*:*:*:{USER}:{postgres}\n", 0o600),
        (AWS_CREDENTIALS, credentials, 0o600),  # last: it says that all are there
    ):
        path = folder / name
        path.unlink(missing_ok=True)  # what a run that was cut short left
        path.touch(mode=mode)
        path.chmod(0o600)
        path.write_text(content, encoding="utf-8")
        path.chmod(mode)
    return True


def make_databases(server: str, names: Sequence[str]) -> None:
    """Those of `names` that the Postgres at `server` lacks, in UTF-8 whatever its own encoding is;
    PGPASSFILE holds the password.
    """
    import psycopg
    from psycopg import sql

    with psycopg.connect(
        f"{server}/postgres", autocommit=True, client_encoding="utf8"
    ) as connection:
        rows = connection.execute("SELECT datname FROM pg_database").fetchall()
        there = {row[0] for row in rows}
        for name in names:
            if name not in there:
                made = sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0")
                connection.execute(made.format(sql.Identifier(name)))


def upgrade_mlflow(server: str, name: str) -> bool:
    """Gives MLflow's books in the database `name` their newest form, without which it would not
    start; whether there were any. Raises CalledProcessError.
    """
    import psycopg

    with psycopg.connect(f"{server}/{name}") as connection:
        row = connection.execute("SELECT to_regclass('alembic_version')").fetchone()
    if row is None or row[0] is None:
        return False  # MLflow begins them itself
    address = f"{server.replace('postgresql:', 'postgresql+psycopg:', 1)}/{name}"
    command = [sys.executable, "-m", "mlflow", "db", "upgrade", address]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - no shell, our own
    return True


def make_bucket(endpoint: str, name: str) -> None:
    """`name` where it is not there yet; AWS_SHARED_CREDENTIALS_FILE holds the keys."""
    import boto3

    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    there = [bucket["Name"] for bucket in client.list_buckets().get("Buckets", [])]
    if name not in there:
        client.create_bucket(Bucket=name)


def _secrets(options: argparse.Namespace) -> None:
    new = invent_secrets(options.folder)
    print("New passwords." if new else "The passwords of before.")


def _prepare(options: argparse.Namespace) -> None:
    make_databases(options.postgres, options.database)
    if options.mlflow is not None:
        upgrade_mlflow(options.postgres, options.mlflow)
    make_bucket(options.s3, options.bucket)
    print(f"Ready: databases {', '.join(options.database)}, bucket {options.bucket}.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="assay_training.mlops", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    invent = commands.add_parser("secrets", help="invent the passwords, once")
    invent.add_argument("folder", type=Path)
    invent.set_defaults(run=_secrets)
    prepare = commands.add_parser("prepare", help="make the databases and the bucket")
    prepare.add_argument("--postgres", required=True, metavar="URL")
    prepare.add_argument("--database", action="append", required=True, metavar="NAME")
    prepare.add_argument("--mlflow", metavar="NAME", help="the database that MLflow keeps")
    prepare.add_argument("--s3", required=True, metavar="URL")
    prepare.add_argument("--bucket", required=True, metavar="NAME")
    prepare.set_defaults(run=_prepare)
    return parser


if __name__ == "__main__":
    sys.exit(main())
