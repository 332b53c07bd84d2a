"""Addresses of registered models, and where the registry is that has them."""

from __future__ import annotations

import asyncio

import pytest

from assay.bundle.registered import ModelAddress, Registry, RegistryPlace
from assay.errors import RegistryUnavailable

SERVER, OTHER = "http://mlflow:5000", "https://models.example"


@pytest.mark.parametrize(
    ("text", "name", "alias", "version"),
    [
        ("models:/assay-gold@champion", "assay-gold", "champion", None),
        ("models:/assay-gold/3", "assay-gold", None, "3"),
        ("models:/main.default.assay-gold@champion", "main.default.assay-gold", "champion", None),
        ("models:/main.default.assay-gold/12", "main.default.assay-gold", None, "12"),
    ],
)
def test_an_address_is_a_name_and_an_alias_or_a_version(text, name, alias, version):
    address = ModelAddress.parse(text)
    assert (address.name, address.alias, address.version) == (name, alias, version)
    assert str(address) == text


@pytest.mark.parametrize(
    "text",
    [
        "models:/assay-gold",
        "models:/assay-gold@",
        "models:/assay-gold/Production",
        "models:/assay-gold/latest",
        "models:/assay-gold/3/extra_files",
        "models:/../3",
        "models:/a/../b@champion",
        "models://profile@databricks/assay-gold/3",
        "models:/assay gold@champion",
        "models:/assay-gold@champion\n",
    ],
)
def test_whatever_else_is_none(text):
    with pytest.raises(ValueError, match="models:/<name>@champion"):
        ModelAddress.parse(text)


@pytest.mark.parametrize(
    ("tracking", "registry", "on_databricks", "expected"),
    [
        (None, None, False, None),
        (SERVER, None, False, (SERVER, SERVER)),
        (SERVER, OTHER, False, (SERVER, OTHER)),
        (None, OTHER, False, (OTHER, OTHER)),
        (None, None, True, ("databricks", "databricks-uc")),
        (SERVER, None, True, ("databricks", "databricks-uc")),
        (None, "databricks", True, ("databricks", "databricks")),
        (None, "databricks-uc", False, ("databricks", "databricks-uc")),
        ("databricks", "databricks-uc", False, ("databricks", "databricks-uc")),
        (None, "databricks-uc://work", False, ("databricks", "databricks-uc://work")),
    ],
)
def test_where_runs_are_tracked_and_models_registered(tracking, registry, on_databricks, expected):
    place = RegistryPlace.of(tracking=tracking, registry=registry, on_databricks=on_databricks)
    assert place == (expected and RegistryPlace(*expected))


@pytest.mark.parametrize(
    ("registry", "shown"),
    [
        (SERVER, SERVER),
        ("http://ada:secret@mlflow:5000/path", "http://mlflow:5000/path"),
        ("databricks-uc", "databricks-uc"),
    ],
)
def test_a_place_is_shown_without_its_password(registry, shown):
    assert str(RegistryPlace(registry, registry)) == shown


UNITY = "main.default.assay-gold"


@pytest.mark.parametrize(
    ("registry", "name", "words"),
    [
        ("databricks-uc", "assay-gold", UNITY),
        ("databricks-uc", "default.assay-gold", UNITY),
        ("databricks-uc://work", "assay-gold", UNITY),
        ("databricks-uc", UNITY, None),
        ("databricks", "assay-gold", None),
        (SERVER, "assay-gold", None),
        ("sqlite:////data/mlflow.db", "assay-gold", None),
        ("mlflow:5000", "assay-gold", "as http://127.0.0.1:5000"),
        ("./mlruns", "assay-gold", "as http://127.0.0.1:5000"),
    ],
)
def test_a_model_that_cannot_be_there_is_not_asked_for(registry, name, words):
    place, model = RegistryPlace(registry, registry), ModelAddress(name, "champion", None)
    objection = place.objection(model)
    assert objection is None if words is None else words in objection
    if objection:
        with pytest.raises(RegistryUnavailable, match=words):
            asyncio.run(Registry(place, model).look())


def test_without_the_extra_that_is_said(monkeypatch):
    monkeypatch.setattr("assay.bundle.registered.find_spec", lambda _: None)
    asked = Registry(RegistryPlace(SERVER, SERVER), ModelAddress("assay-gold", "champion", None))
    with pytest.raises(RegistryUnavailable, match="the extra `registry` brings it"):
        asyncio.run(asked.look())
