"""JSON SIM on the wire: only the parts of a message that the road needs (contract 3.1)."""

import msgspec

Text = str | None


class Inner(msgspec.Struct, frozen=True, gc=False):
    """The `data` of a message. What has another type than documented makes it unreadable."""

    accountId: Text = None  # noqa: N815  # Docusign's own spelling
    userId: Text = None  # noqa: N815  # as above
    envelopeId: Text = None  # noqa: N815  # as above
    recipientId: str | int | None = None  # noqa: N815  # as above
    envelopeSummary: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET  # noqa: N815  # as above


class Outer(msgspec.Struct, frozen=True, gc=False):
    """A whole message."""

    event: Text = None
    generatedDateTime: Text = None  # noqa: N815  # Docusign's own spelling
    retryCount: int | str | None = None  # noqa: N815  # as above
    configurationId: int | str | None = None  # noqa: N815  # as above
    status: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    envelopeId: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET  # noqa: N815  # as above
    data: Inner | None = None


class Named(msgspec.Struct, frozen=True, gc=False):
    """The account a body names, and nothing else."""

    accountId: Text = None  # noqa: N815  # Docusign's own spelling


class Head(msgspec.Struct, frozen=True, gc=False):
    """The way to the account a body names."""

    data: Named | None = None


class Contents(msgspec.Struct, frozen=True, gc=False):
    """The raw `data` of a message."""

    data: msgspec.Raw = msgspec.Raw(b"")


class Summary(msgspec.Struct, frozen=True, gc=False):
    """The raw custom fields of an envelope summary."""

    customFields: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET  # noqa: N815  # Docusign's own


OUTER = msgspec.json.Decoder(Outer)
HEAD = msgspec.json.Decoder(Head)
CONTENTS = msgspec.json.Decoder(Contents)
SUMMARY = msgspec.json.Decoder(Summary)

UNREADABLE: tuple[type[Exception], ...] = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)
"""What decoding hostile bytes may raise; `msgspec.ValidationError` is a `DecodeError`."""


def read(body: bytes) -> Outer | Exception:
    """Read a message as far as the road needs, or return why it cannot be read."""
    try:
        return OUTER.decode(body)
    except UNREADABLE as problem:
        return problem
