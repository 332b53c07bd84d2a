"""`assay-train`: train, tune, gate and publish; score a bundle on what it never saw; go back."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from assay.clock import SystemClock
from assay.errors import (
    AssayError,
    BundleError,
    BundleMissing,
    MarketDataError,
    TooLittleHistory,
)
from assay_training.daily_commands import add_daily_commands
from assay_training.json_file import BadInput, check_writable, write_json
from assay_training.progress import Progress
from assay_training.promotion_commands import add_promotion_commands, tell_registry
from assay_training.tables import evaluate_table, fit_table, volatility_table

if TYPE_CHECKING:
    from assay_training.flows.plan import TrainResult
    from assay_training.steps.publish_volatility import VolatilityFiles

EXIT_OK, EXIT_FAILED, EXIT_BAD_INPUT, EXIT_KEPT = 0, 1, 2, 3
DEFAULT_BUNDLE = Path("data/processed")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code.

    0 done, or a bundle was published; 2 bad input, nothing written; 3 the champion stays.
    """
    options = _parser().parse_args(argv)
    try:
        code: int = options.run(options)
    except (MarketDataError, BundleError, BadInput) as error:
        print(f"assay-train: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    except (AssayError, OSError) as error:
        print(f"assay-train: {error}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        print("assay-train: stopped; nothing was published", file=sys.stderr)
        return 130
    return code


def _run(options: argparse.Namespace) -> int:
    from assay_training.steps.load import read_pair

    if (options.gold is None) != (options.sp500 is None):
        raise BadInput("--gold and --sp500 go together: name both files, or neither to download")
    if options.challenger and options.challenger.resolve() == options.out.resolve():
        raise BadInput(f"--challenger {options.challenger} is the champion's folder: name another")
    coins = _volatility_files(options)
    if options.gold is not None:  # before an orchestrator takes seconds to start
        read_pair(options.gold, options.sp500)
    if coins is not None:
        from assay_training.steps.publish_volatility import read_volatility_bars

        read_volatility_bars(coins, SystemClock())
    from assay_training.flows.train import TrainOptions, train

    result = train(
        TrainOptions(
            gold_csv=options.gold,
            sp500_csv=options.sp500,
            volatility_files=coins,
            out=options.out,
            quick=options.quick,
            max_evals=options.max_evals,
            seed=options.seed,
            dask=options.dask,
            refit=options.refit,
            challenger=options.challenger,
        )
    )
    return _told(result, options.out, trial=options.challenger)


def _told(result: TrainResult, out: Path, *, trial: Path | None = None) -> int:
    """Prints what came of a run; 3 where nothing was published."""
    print(result.decision.verdict)
    if result.metadata is not None:
        made = f"{result.metadata.type} {result.metadata.version}"
        kept = "" if trial is None else ", on trial: the champion stays"
        print(f"Published {made} in {trial or out}{kept}")
    elif result.volatility is not None:
        print(f"Published volatility {result.volatility} in {out}; gold's champion stays")
    else:
        return EXIT_KEPT
    return EXIT_OK


def _evaluate(options: argparse.Namespace) -> int:
    from assay.bundle.files import load_bundle
    from assay_training.steps.evaluate import evaluate_bundle
    from assay_training.steps.load import check_sp500_reaches, read_pair

    if options.start > options.end:
        raise BadInput(f"--start {options.start} is after --end {options.end}")
    check_writable(options.json)
    bars = read_pair(options.gold, options.sp500)
    print("\n".join(bars.summaries))
    check_sp500_reaches(options.sp500, bars, start=options.start, end=options.end)
    bundle = load_bundle(options.bundle)
    if options.start.isoformat() <= bundle.metadata.trained_to:
        print(
            f"Note: the bundle was trained to {bundle.metadata.trained_to}; days up to then are "
            "not unseen."
        )
    with _naming(options.gold), Progress() as progress:
        report = evaluate_bundle(
            bundle,
            bars.gold,
            bars.sp500,
            start=options.start,
            end=options.end,
            on_progress=progress.update,
        )
    write_json(options.json, report)
    print(evaluate_table(report))
    return EXIT_OK


def _volatility_files(options: argparse.Namespace) -> VolatilityFiles | None:
    from assay_training.steps.publish_volatility import VolatilityFiles

    paths = [options.btc_hourly, options.btc_daily, options.eth_daily]
    if all(paths):
        return VolatilityFiles(*paths)
    if any(paths):
        raise BadInput("--btc-hourly, --btc-daily and --eth-daily go together: name all or none")
    return None


def _fit_volatility(options: argparse.Namespace) -> int:
    from assay.bundle.files import load_bundle
    from assay_training.settings import load_settings
    from assay_training.steps.publish_volatility import (
        FILE_NAMES,
        VolatilityFiles,
        fit_and_judge,
        publish_volatility,
        read_volatility_bars,
    )

    raw = load_settings().data_dir / "raw"
    files = _volatility_files(options) or VolatilityFiles.within(raw)
    if files is None:
        raise BadInput(
            f"--btc-hourly, --btc-daily and --eth-daily are not given, and {raw} does not hold "
            f"{', '.join(FILE_NAMES)}"
        )
    published = load_bundle(options.out)  # before the work: there must be one to put it in
    found = read_volatility_bars(files, SystemClock())
    print("\n".join(found.summaries))
    with Progress() as progress:
        fitted = fit_and_judge(found, SystemClock(), on_progress=progress.update)
    publish_volatility(options.out, fitted)
    print(fit_table(fitted.model.to_json(), fitted.section))
    print(f"Published volatility {fitted.section['version']} in {options.out}")
    tell_registry(options.out, published.metadata.version)
    return EXIT_OK


def _volatility(options: argparse.Namespace) -> int:
    from assay.bundle.files import VOLATILITY, load_bundle
    from assay_training.steps.evaluate_volatility import evaluate_volatility, read_hourly

    if options.start and options.end and options.start > options.end:
        raise BadInput(f"--start {options.start} is after --end {options.end}")
    check_writable(options.json)
    file = read_hourly(options.bars, SystemClock())
    print(file.summary)
    bundle = load_bundle(options.bundle)
    if bundle.volatility is None:
        path = str(options.bundle / VOLATILITY)
        raise BundleMissing(f"{path} does not exist: the bundle has no volatility model", path=path)
    with Progress() as progress:
        report = evaluate_volatility(
            bundle.volatility,
            file,
            start=options.start,
            end=options.end,
            on_progress=progress.update,
        )
    trained_to = bundle.metadata.volatility.get("trained_to")
    report |= {"model_version": bundle.metadata.version, "trained_to": trained_to}
    if trained_to and report["start"] <= trained_to:
        print(
            f"Note: the volatility model was trained on hours up to {trained_to}; of a coin it was "
            "trained on, days up to then are not unseen."
        )
    write_json(options.json, report)
    print(volatility_table(report))
    return EXIT_OK


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Says which file holds too little."""
    try:
        yield
    except TooLittleHistory as error:
        raise TooLittleHistory(
            f"{path}: {error.message}",
            needed=error.needed,
            available=error.available,
            file=str(path),
        ) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="assay-train", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="load, train, tune, gate, register, write the bundle")
    run.add_argument("--gold", type=Path, metavar="CSV", help="gold bars; default: from Yahoo")
    run.add_argument("--sp500", type=Path, metavar="CSV", help="S&P 500 bars; default: from Yahoo")
    _add_volatility_files(run, otherwise="from data/raw, else the published model stays")
    run.add_argument("--out", type=Path, default=DEFAULT_BUNDLE, metavar="DIR")
    run.add_argument("--quick", action="store_true", help="fewer origins, seeds and trials")
    run.add_argument("--max-evals", type=_positive, metavar="N", help="trials for each family")
    run.add_argument("--seed", type=int, default=0, metavar="N")
    run.add_argument("--dask", metavar="ADDRESS", help="a Dask scheduler to tune on")
    run.add_argument("--refit", action="store_true", help="fit the champion's recipe anew, only")
    run.add_argument(
        "--challenger",
        type=Path,
        metavar="DIR",
        help="put what passed there, on trial: data/challenger; the champion stays",
    )
    run.set_defaults(run=_run)
    evaluate = commands.add_parser("evaluate", help="score a frozen bundle on days it never saw")
    evaluate.add_argument("--bundle", type=Path, required=True, metavar="DIR")
    evaluate.add_argument("--gold", type=Path, required=True, metavar="CSV")
    evaluate.add_argument("--sp500", type=Path, required=True, metavar="CSV")
    evaluate.add_argument("--start", type=_day, required=True, metavar="DATE")
    evaluate.add_argument("--end", type=_day, required=True, metavar="DATE")
    evaluate.add_argument("--json", type=Path, required=True, metavar="FILE")
    evaluate.set_defaults(run=_evaluate)
    volatility = commands.add_parser(
        "volatility", help="score the bundle's volatility, tails and risk on a coin's hourly bars"
    )
    volatility.add_argument(
        "--bars", type=Path, required=True, metavar="CSV", help="hourly bars of one coin"
    )
    volatility.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE, metavar="DIR")
    volatility.add_argument(
        "--start", type=_day, metavar="DATE", help="first day scored; default: after a year of bars"
    )
    volatility.add_argument("--end", type=_day, metavar="DATE", help="last; default: of the file")
    volatility.add_argument("--json", type=Path, required=True, metavar="FILE")
    volatility.set_defaults(run=_volatility)
    fit = commands.add_parser(
        "fit-volatility", help="fit the volatility model alone and put it into a bundle"
    )
    _add_volatility_files(fit, otherwise="from data/raw")
    fit.add_argument("--out", type=Path, default=DEFAULT_BUNDLE, metavar="DIR", help="the bundle")
    fit.set_defaults(run=_fit_volatility)
    add_daily_commands(commands)
    add_promotion_commands(commands)
    return parser


def _add_volatility_files(command: argparse.ArgumentParser, *, otherwise: str) -> None:
    for name, what in (
        ("--btc-hourly", "Bitcoin's hourly bars"),
        ("--btc-daily", "Bitcoin's daily bars"),
        ("--eth-daily", "Ether's daily bars"),
    ):
        command.add_argument(name, type=Path, metavar="CSV", help=f"{what}; default: {otherwise}")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date like 2025-04-16") from None


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above zero")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
