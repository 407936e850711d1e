"""The few pages that people see: signing, and consent. Everything in them is escaped."""

import secrets
from http import HTTPStatus

from jinja2 import Environment, PackageLoader
from litestar import Response

_PAGES = Environment(
    loader=PackageLoader("postroom.web.connect_api", "pages"), autoescape=True, trim_blocks=True
)


def page(template: str, /, *, form_targets: str = "'self'", **said: object) -> Response[bytes]:
    """Return a page under a policy that lets nothing in but its own style, and nothing frame it.

    `form_targets` are the sources that its form may lead to, a redirect's target among them.
    """
    nonce = secrets.token_urlsafe(16)
    html = _PAGES.get_template(template).render(**said, nonce=nonce)
    headers = {
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'nonce-{nonce}'; form-action {form_targets};"
            " base-uri 'none'; frame-ancestors 'none'"
        ),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
    return Response(html.encode(), media_type="text/html", headers=headers)


def redirect(url: str) -> Response[bytes]:
    """Send the browser elsewhere, by GET."""
    headers = {"Location": url, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return Response(b"", status_code=HTTPStatus.SEE_OTHER, headers=headers)
