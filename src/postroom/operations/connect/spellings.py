"""The keys of a configuration on its two levels, and which one a misspelt key meant.

An account's configuration and an envelope's `eventNotification` spell the same things differently
(contract 8.1, 8.2), and what is misspelt is ignored: so a slip costs the retries, silently. Case
does not matter.
"""

import difflib
from collections.abc import Iterable, Iterator
from itertools import islice

UNSERVED = (
    "allowSalesforcePublish",
    "salesforceApiVersion",
    "salesforceAuthcode",
    "salesforceCallBackUrl",
    "salesforceDocumentsAsContentFiles",
    "sfObjects",
    "senderOverride",
    "senderSelectableItems",
    "externalFolderId",
    "externalFolderLabel",
)
"""Keys of presets for other products, which nothing here serves."""

_ONE_THING = (
    ("urlToPublishTo", "url"),
    ("requiresAcknowledgement", "requireAcknowledgment", "requireAcknowledgement"),
    ("enableLog", "loggingEnabled"),
    ("includeTimeZoneInformation", "includeTimeZone"),
    ("signMessageWithX509Certificate", "signMessageWithX509Cert"),
    ("includeCertSoapHeader", "includeCertificateWithSoap"),
)
"""The spellings there are of one thing: on the account, on the envelope, in prose."""
_CLOSE = 0.85
_LONGEST = 60
_MOST_UNKNOWN = 50
"""Unknown keys looked at in one object: the comparison is not cheap."""


def misspelt(given: Iterable[str], known: tuple[str, ...], what: str) -> Iterator[str]:
    """Yield a sentence for every given key that is ignored and was likely meant to be another."""
    spelt = {key.lower(): key for key in known}
    unknown = (key for key in given if str(key)[:_LONGEST].lower() not in spelt)
    for key in islice(unknown, _MOST_UNKNOWN):
        folded = str(key)[:_LONGEST].lower()
        if folded in {one.lower() for one in UNSERVED}:
            yield f"{key} is for other products; nothing here serves it, and it is not kept"
            continue
        meant = _meant(folded, spelt)
        if meant is not None:
            yield (
                f"{str(key)[:_LONGEST]!r} is not a key of {what} and is ignored, as Docusign"
                f" does; did you mean {meant}?"
            )


def _meant(folded: str, spelt: dict[str, str]) -> str | None:
    for names in _ONE_THING:
        if folded in {name.lower() for name in names}:
            return next((spelt[name.lower()] for name in names if name.lower() in spelt), None)
    close = difflib.get_close_matches(folded, spelt, n=1, cutoff=_CLOSE)
    return spelt[close[0]] if close else None
