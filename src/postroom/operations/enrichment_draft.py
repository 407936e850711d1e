"""The `enrichment` of an account in a document: where its envelopes are read, and as whom."""

from collections.abc import Iterator

from postroom.delivery import egress
from postroom.esign import access
from postroom.model import Enrichment
from postroom.operations.document import EnrichmentPart, Problem

Path = tuple[str | int, ...]


def problems(part: EnrichmentPart, path: Path, *, allow_private: bool) -> Iterator[Problem]:
    """Yield what is wrong with an account's `enrichment`, each with its place."""
    urls: dict[Path, str] = {("base_url",): part.base_url}
    if part.jwt is not None:
        urls["jwt", "oauth_base"] = part.jwt.oauth_base
    for place, url in urls.items():
        complaint = egress.check_url(url, allow_private=allow_private)
        if complaint is not None:
            yield Problem(path=(*path, *place), message=complaint)
    if (part.token is None) == (part.jwt is None):
        yield Problem(path=path, message="give either token: or jwt:")
    if part.jwt is not None:
        complaint = access.check_private_key(part.jwt.private_key.text)
        if complaint is not None:
            yield Problem(path=(*path, "jwt", "private_key", "text"), message=complaint)


def enrichment_of(part: EnrichmentPart | None, account_id: str) -> Enrichment | None:
    """Return what is kept of an `enrichment`; its secret is kept apart, sealed."""
    if part is None:
        return None
    return Enrichment(
        base_url=part.base_url,
        token_key=secret_id(account_id),
        integration_key=part.jwt.integration_key.lower() if part.jwt else None,
        user_id=part.jwt.user_id.lower() if part.jwt else None,
        oauth_base=part.jwt.oauth_base.rstrip("/") if part.jwt else None,
    )


def secret_text(part: EnrichmentPart) -> str | None:
    """Return the bearer token, or the private key, that a document gives."""
    if part.jwt is not None:
        return part.jwt.private_key.text
    return part.token.text if part.token is not None else None


def secret_id(account_id: str) -> str:
    """Return the id under which an account's one secret for enrichment is kept."""
    return f"enrichment_{account_id}"
