"""A challenger on trial, in words."""

from __future__ import annotations

from assay_frontend.api.registry_models import Trial
from assay_frontend.components.text import markdown_text
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import number, percent, ratio_change


def trial_words(t: Translator, trial: Trial) -> str:
    """Who gets it, and how it has fared so far."""
    share = percent(t, trial.share)
    if trial.version is None or not trial.answers:
        reasons = (markdown_text(problem) for problem in trial.problems)
        return " ".join([t("models.trial.none", share=share), *reasons])
    version = markdown_text(trial.version)
    said = [t("models.trial.who", version=version, share=share), _record(t, trial)]
    if trial.skill_beside_champion is not None:
        change = ratio_change(t, 1.0 - trial.skill_beside_champion)
        said.append(t("models.trial.beside", n=number(t, trial.shared), change=change))
    return " ".join(said)


def _record(t: Translator, trial: Trial) -> str:
    if trial.crps_skill is None:
        return t("models.trial.unscored")
    change = ratio_change(t, 1.0 - trial.crps_skill)
    return t("models.trial.record", n=number(t, trial.n), change=change)
