"""The champion that a run finds in its folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from assay.bundle.files import load_bundle
from assay.bundle.metadata import ModelMetadata
from assay.errors import BundleError, BundleMissing, TrainingError
from assay.forecast.log_linear_t import LogLinearTRecipe
from assay_training.networks.families import FAMILIES


def published_in(folder: Path, say: Callable[[str], None]) -> ModelMetadata | None:
    """What the bundle in `folder` says of itself; None where there is none that can be read."""
    try:
        return load_bundle(folder).metadata
    except BundleMissing:
        return None
    except BundleError as error:
        say(f"The present bundle cannot be read, so it is no champion: {error}")
        return None


def own_recipe(folder: Path, published: ModelMetadata | None) -> str:
    """The recipe that a refit of `published`, found in `folder`, fits anew.

    Raises TrainingError where there is no such recipe.
    """
    name = published.type if published else None
    if name in (LogLinearTRecipe().name, *FAMILIES):
        return name
    what = f"{name}, which has nothing to fit" if name else "no bundle that can be read"
    raise TrainingError(f"a refit needs a champion that was fitted; {folder} holds {what}")
