"""The API's answers about models: the champion, former ones, and who replaced which."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from assay_frontend.api.fields import Fields
from assay_frontend.api.models import Evaluation, Skill


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A bundle at hand; `serves` where it is the champion."""

    version: str
    digest: str
    serves: bool
    model_type: str | None
    trained_to: str | None
    volatility_version: str | None

    @classmethod
    def parse(cls, fields: Fields) -> ModelVersion:
        return cls(
            version=fields.text("version"),
            digest=fields.text("digest"),
            serves=fields.flag("serves"),
            model_type=fields.text_or_none("model_type"),
            trained_to=fields.text_or_none("trained_to"),
            volatility_version=fields.text_or_none("volatility_version"),
        )


@dataclass(frozen=True, slots=True)
class ModelChange:
    """One change of champion; `action` is publish, promote or rollback."""

    at: datetime | None
    by: str
    action: str
    why: str
    version: str
    volatility_version: str | None
    digest: str | None
    replaced: str | None
    replaced_digest: str | None

    @classmethod
    def parse(cls, fields: Fields) -> ModelChange:
        return cls(
            at=fields.instant("at") if fields.text_or_none("at") else None,
            by=fields.text("by"),
            action=fields.text("action"),
            why=fields.text("why"),
            version=fields.text("version"),
            volatility_version=fields.text_or_none("volatility_version"),
            digest=fields.text_or_none("digest"),
            replaced=fields.text_or_none("replaced"),
            replaced_digest=fields.text_or_none("replaced_digest"),
        )


@dataclass(frozen=True, slots=True)
class Trial:
    """A challenger for a `share` of the callers; `version` is None where there is none.

    Skills are over `n` scored sessions, and over the `shared` ones that the champion has too.
    """

    share: float
    version: str | None
    answers: bool
    n: int
    crps_skill: float | None
    shared: int
    skill_beside_champion: float | None
    problems: tuple[str, ...]

    @classmethod
    def parse(cls, fields: Fields) -> Trial:
        record = fields.child("track_record") if fields.has("track_record") else None
        both = record.child("beside_champion") if record else None
        return cls(
            share=fields.share("share"),
            version=fields.child("challenger").text("version")
            if fields.has("challenger")
            else None,
            answers=fields.flag("answers"),
            n=record.count("n") if record else 0,
            crps_skill=record.child("skill").number_or_none("crps_skill") if record else None,
            shared=both.count("n") if both else 0,
            skill_beside_champion=both.number_or_none("crps_skill") if both else None,
            problems=fields.texts("problems"),
        )


@dataclass(frozen=True, slots=True)
class Registry:
    """Versions, the champion's first; changes, oldest first; the trial under way; what is wrong, if
    anything.
    """

    champion: str | None
    versions: tuple[ModelVersion, ...]
    history: tuple[ModelChange, ...]
    trial: Trial | None
    problems: tuple[str, ...]

    @classmethod
    def parse(cls, document: object) -> Registry:
        fields = Fields.of(document, "models")
        return cls(
            champion=fields.text_or_none("champion"),
            versions=tuple(ModelVersion.parse(item) for item in fields.items("versions")),
            history=tuple(ModelChange.parse(item) for item in fields.items("history")),
            trial=Trial.parse(fields.child("canary")) if fields.has("canary") else None,
            problems=fields.texts("problems"),
        )


@dataclass(frozen=True, slots=True)
class VolatilityRow:
    """One model of volatility beside HAR; a ratio below 1 is better."""

    name: str
    qlike_ratio_har: float | None
    log_r2: float | None
    dm_p_vs_har: float | None

    @classmethod
    def parse(cls, fields: Fields) -> VolatilityRow:
        return cls(
            name=fields.text("name"),
            qlike_ratio_har=fields.number_or_none("qlike_ratio_har"),
            log_r2=fields.number_or_none("log_r2"),
            dm_p_vs_har=fields.number_or_none("dm_p_vs_har"),
        )


@dataclass(frozen=True, slots=True)
class TailRow:
    """How often more than the value at risk was lost; `level` is how often it should be."""

    name: str
    level: float
    hit_rate: float | None
    kupiec_p: float | None

    @classmethod
    def parse(cls, fields: Fields) -> TailRow:
        return cls(
            name=fields.text("name"),
            level=fields.share("level"),
            hit_rate=fields.number_or_none("hit_rate"),
            kupiec_p=fields.number_or_none("kupiec_p"),
        )


@dataclass(frozen=True, slots=True)
class HeldOut:
    """How a model that saw the first 60 % did on the rest."""

    n: int
    start: date
    end: date
    rows: tuple[VolatilityRow, ...]
    tails: tuple[TailRow, ...]
    brier_skill: float | None
    brier_skill_hour: float | None

    @classmethod
    def parse(cls, fields: Fields) -> HeldOut:
        def skill(name: str) -> float | None:
            return fields.child(name).number_or_none("brier_skill") if fields.has(name) else None

        return cls(
            n=fields.count("n"),
            start=fields.session("start"),
            end=fields.session("end"),
            rows=tuple(VolatilityRow.parse(item) for item in fields.items("rows")),
            tails=tuple(TailRow.parse(item) for item in fields.items("var"))
            if fields.has("var")
            else (),
            brier_skill=skill("risk"),
            brier_skill_hour=skill("risk_1h"),
        )


@dataclass(frozen=True, slots=True)
class VolatilityCard:
    """What the volatility model was fitted on, and how it did on days it never saw."""

    version: str
    trained_from: date
    trained_to: date
    daily_from: date | None
    daily_to: date | None
    coins: tuple[str, ...]
    held_out: HeldOut | None

    @classmethod
    def parse(cls, fields: Fields) -> VolatilityCard:
        return cls(
            version=fields.text("version"),
            trained_from=fields.session("trained_from"),
            trained_to=fields.session("trained_to"),
            daily_from=fields.session_or_none("daily_from"),
            daily_to=fields.session_or_none("daily_to"),
            coins=fields.texts("coins"),
            held_out=HeldOut.parse(fields.child("held_out")) if fields.has("held_out") else None,
        )


@dataclass(frozen=True, slots=True)
class ChampionCard:
    """All that the champion says of itself.

    `pit` counts the newest outcomes in each tenth of the bare model's distribution, before its
    ranges are calibrated by them.
    """

    name: str
    model_type: str
    version: str
    digest: str
    created_at: datetime
    trained_from: date
    trained_to: date
    lookback: int
    features: int | None
    data_fingerprint: str
    feature_fingerprint: str
    libraries: tuple[tuple[str, str], ...]
    skill: Skill
    evaluation: Evaluation
    verdict: str | None
    reasons: tuple[str, ...]
    calibrated_to: date | None
    pit: tuple[int, ...]
    volatility: VolatilityCard | None

    @classmethod
    def parse(cls, document: object) -> ChampionCard:
        fields = Fields.of(document, "champion")
        promotion = fields.child("promotion")
        libraries = fields.child("libraries")
        calibration = fields.child("calibration") if fields.has("calibration") else None
        volatility = fields.child("volatility") if fields.has("volatility") else None
        return cls(
            name=fields.text("model_name"),
            model_type=fields.text("model_type"),
            version=fields.text("model_version"),
            digest=fields.text("digest"),
            created_at=fields.instant("created_at"),
            trained_from=fields.session("trained_from"),
            trained_to=fields.session("trained_to"),
            lookback=fields.count("lookback"),
            features=fields.count_or_none("features"),
            data_fingerprint=fields.text("data_fingerprint"),
            feature_fingerprint=fields.text("feature_fingerprint"),
            libraries=tuple((name, libraries.text(name)) for name in libraries.data),
            skill=Skill.parse(fields.child("skill")),
            evaluation=Evaluation.parse(fields.child("evaluation").data),
            verdict=promotion.text_or_none("verdict"),
            reasons=promotion.texts("reasons"),
            calibrated_to=calibration.session_or_none("calibrated_to") if calibration else None,
            pit=calibration.count_list("pit") if calibration else (),
            volatility=VolatilityCard.parse(volatility)
            if volatility and volatility.has("version")
            else None,
        )
