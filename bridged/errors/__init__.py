"""Every failure bridged can report, with its wire code and what the person can do.

The tree has families, by who can act:

* `CallerError`: the request itself is wrong; repeating it will fail again.
* `RetryableError`: something outside the request has to change first (a card, a PIN, time).
* `BlockedError`: nobody at this computer can mend it; the issuer or an administrator can.
* `LocalError`: the program cannot start so; told on the terminal, never on the wire.

`InternalError` stands alone: a defect here; `id` finds it in the daemon's log.

A class is one `reason` of `docs/protocol.md`. Its dataclass fields are the members of
`error.data` beside `reason` and `messages`.
"""

from bridged.errors.cards import (
    AlgorithmUnsupported as AlgorithmUnsupported,
    CardFault as CardFault,
    CardInUse as CardInUse,
    CardLeased as CardLeased,
    CardMute as CardMute,
    CardRemoved as CardRemoved,
    CardUnsupported as CardUnsupported,
    CertificateExpired as CertificateExpired,
    CertificateNotFound as CertificateNotFound,
    KeyUsageForbidden as KeyUsageForbidden,
    ModuleFault as ModuleFault,
    NoCard as NoCard,
    NoReader as NoReader,
    PcscUnavailable as PcscUnavailable,
)
from bridged.errors.documents import (
    DocumentMalformed as DocumentMalformed,
    DocumentProtected as DocumentProtected,
    TimestampNotConfigured as TimestampNotConfigured,
    TimestampUnavailable as TimestampUnavailable,
)
from bridged.errors.local import (
    AddressInUse as AddressInUse,
    CertificateAmbiguous as CertificateAmbiguous,
    ConfigError as ConfigError,
    FileUnusable as FileUnusable,
    NotAnOrigin as NotAnOrigin,
    NotRunning as NotRunning,
    PinAsArgument as PinAsArgument,
    SiteSettled as SiteSettled,
)
from bridged.errors.pin import (
    ConfirmationUnavailable as ConfirmationUnavailable,
    LeaseEnded as LeaseEnded,
    PinBlocked as PinBlocked,
    PinFormat as PinFormat,
    PinIncorrect as PinIncorrect,
    PinLastTry as PinLastTry,
    PinRequired as PinRequired,
    PinUnblockUnsupported as PinUnblockUnsupported,
    SecretError as SecretError,
    UserCancelled as UserCancelled,
    UserTimeout as UserTimeout,
    WhichSecret as WhichSecret,
    about as about,
)
from bridged.errors.requests import (
    Busy as Busy,
    Cancelled as Cancelled,
    ConsentDenied as ConsentDenied,
    ConsentUnavailable as ConsentUnavailable,
    InvalidParams as InvalidParams,
    InvalidRequest as InvalidRequest,
    MethodNotFound as MethodNotFound,
    ParseError as ParseError,
    RateLimited as RateLimited,
    RecordFailed as RecordFailed,
    SiteNotAllowed as SiteNotAllowed,
)
from bridged.errors.tree import (
    BlockedError as BlockedError,
    BridgedError as BridgedError,
    CallerError as CallerError,
    InternalError as InternalError,
    LocalError as LocalError,
    RetryableError as RetryableError,
)
