"""The error tree. Errors carry fields and no HTTP status; services translate them.

AssayError
├── MarketDataError
│   ├── UnknownSymbol            (near)
│   ├── MalformedSymbol
│   ├── UnknownExchange
│   ├── UnknownTimeframe
│   ├── SourceUnavailable        (retry_after_seconds)
│   │   ├── RateLimited
│   │   └── BlockedRegion
│   ├── InvalidBars              (file, line, value)
│   └── TooLittleHistory         (needed, available)
│       └── SpanTooShort
├── BundleError                  (path)
│   ├── BundleMissing
│   ├── BundleCorrupt
│   ├── FeatureMismatch
│   ├── UnknownVersion           (kept)
│   ├── NoEarlierVersion
│   ├── RegistryUnavailable
│   └── ChosenElsewhere
├── TrainingError
├── StorageError                 (setting)
└── TooBusy                      (retry_after_seconds)
"""

from __future__ import annotations


class AssayError(Exception):
    """Root of every error Assay raises on purpose; `fields` holds its machine-readable part."""

    def __init__(self, message: str, **fields: object) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields


class MarketDataError(AssayError):
    """Bars could not be had, or could not be trusted."""


class UnknownSymbol(MarketDataError):
    """No source knows the symbol."""


class MalformedSymbol(MarketDataError):
    """What was given cannot be the name of any market."""


class UnknownExchange(MarketDataError):
    """An exchange that is not on the list."""


class UnknownTimeframe(MarketDataError):
    """A timeframe that does not exist, or that the exchange does not have."""


class SourceUnavailable(MarketDataError):
    """A source did not answer in time, or answered with something that is not bars."""

    def __init__(
        self, message: str, *, retry_after_seconds: float = 60.0, **fields: object
    ) -> None:
        super().__init__(message, retry_after_seconds=retry_after_seconds, **fields)
        self.retry_after_seconds = retry_after_seconds


class RateLimited(SourceUnavailable):
    """A source asked us to wait."""


class BlockedRegion(SourceUnavailable):
    """A source refuses this region (HTTP 451); asking it again cannot help."""


class InvalidBars(MarketDataError):
    """Rows that are not bars, beyond what may be set aside."""


class TooLittleHistory(MarketDataError):
    """Fewer bars than the computation needs."""

    def __init__(self, message: str, *, needed: int, available: int, **fields: object) -> None:
        super().__init__(message, needed=needed, available=available, **fields)
        self.needed = needed
        self.available = available


class SpanTooShort(TooLittleHistory):
    """There are bars enough, but not in the span that was asked for."""


class BundleError(AssayError):
    """The champion's files cannot be used; `path` names the one at fault."""

    def __init__(self, message: str, *, path: str, **fields: object) -> None:
        super().__init__(message, path=path, **fields)
        self.path = path


class BundleMissing(BundleError):
    """A file of the bundle does not exist."""


class BundleCorrupt(BundleError):
    """A file of the bundle is not what its manifest says, or cannot be read."""


class FeatureMismatch(BundleError):
    """The bundle was trained on other features than this code builds."""


class UnknownVersion(BundleError):
    """No bundle of that version is kept."""


class NoEarlierVersion(BundleError):
    """No bundle that served before is kept."""


class RegistryUnavailable(BundleError):
    """A registry could not be asked, or has not what was asked for."""


class ChosenElsewhere(BundleError):
    """A registry says which version is the champion, and only there can that be changed."""


class TrainingError(AssayError):
    """Training could not do its work."""


class StorageError(AssayError):
    """The database, or a file beside it, could not be opened, read or written."""

    def naming(self, setting: str) -> StorageError:
        """The same, saying which `setting` tells where that is; itself where it says so already,
        or none is given.
        """
        if not setting or "setting" in self.fields:
            return self
        message = f"{self.message} ({setting} says where it is)"
        return StorageError(message, **self.fields, setting=setting)


class TooBusy(AssayError):
    """Others' work comes first, for longer than one would wait."""

    def __init__(self, message: str, *, retry_after_seconds: float, **fields: object) -> None:
        super().__init__(message, retry_after_seconds=retry_after_seconds, **fields)
        self.retry_after_seconds = retry_after_seconds
