"""Tokens: by assertion, by code and by refresh token, and every way to forge one."""

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from tests.flow.connect_desk import A1, A2, ADA, HOST, SAM, Desk, desk

from postroom.clock import SECOND
from postroom.errors import InvalidInputError
from postroom.operations.connect import integrations
from postroom.operations.connect.integrations import IntegrationOffer

TOKEN_PATH = "/oauth/token"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CALLBACK = "http://localhost:5000/callback"
REGISTERED = "https://app.example.com/ds/callback?tenant=7"
OTHER_CLIENT = "0e0e0e0e-0000-4000-8000-000000000001"
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(key: rsa.RSAPrivateKey) -> str:
    made = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return made.decode()


class Front:
    """The desk, and the integration that offline mode has ready."""

    def __init__(self, office: Desk, offer: IntegrationOffer) -> None:
        self.office = office
        self.offer = offer
        self.private_key = offer.private_key_file.read_text()

    def claims(self, **other: Any) -> dict[str, Any]:
        now = int(time.time())
        made: dict[str, Any] = {
            "iss": self.offer.client_id,
            "sub": SAM,
            "aud": HOST,
            "iat": now,
            "exp": now + 3600,
            "scope": "signature impersonation",
        }
        return {key: value for key, value in (made | other).items() if value is not None}

    def assertion(self, **other: Any) -> str:
        return jwt.encode(self.claims(**other), self.private_key, algorithm="RS256")

    async def ask(self, *, expect: int = 200, secret: str | None = None, **form: Any) -> Any:
        more: dict[str, Any] = {}
        if secret is not None:
            pair = f"{self.offer.client_id}:{secret}".encode()
            more["headers"] = {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
        return await self.office.ask(
            "POST", TOKEN_PATH, token=None, data=form, expect=expect, **more
        )

    async def by_assertion(self, assertion: str, *, expect: int = 200) -> Any:
        return await self.ask(grant_type=JWT_BEARER, assertion=assertion, expect=expect)

    async def refused(self, assertion: str) -> tuple[str, str]:
        said = await self.by_assertion(assertion, expect=400)
        assert "access_token" not in said
        return said["error"], said["error_description"]

    async def code(self, **query: str) -> dict[str, list[str]]:
        """Ask for consent, click on Sam, and return the query the browser comes back with."""
        asked = {
            "response_type": "code",
            "client_id": self.offer.client_id,
            "redirect_uri": CALLBACK,
            "scope": "signature",
        } | query
        page = await self.office.raw("GET", "/oauth/auth", token=None, params=asked)
        assert page.status_code == 200, page.text
        session = re.search(r'name="session" value="([^"]+)"', page.text)
        assert session is not None
        clicked = {"session": session[1], "user_id": SAM}
        back = await self.office.raw("POST", "/oauth/auth", token=None, data=clicked)
        assert back.status_code == 303, back.text
        assert back.headers["location"].startswith(asked["redirect_uri"])
        return parse_qs(urlsplit(back.headers["location"]).query)


@asynccontextmanager
async def front(folder: Path, **more: Any) -> AsyncIterator[Front]:
    async with desk(folder, **more) as office:
        services = office.services
        offer = await integrations.ensure_offline_integration(
            services.store, services.vault, now=services.clock.now(), folder=folder
        )
        await integrations.register_integration(
            services.store,
            services.vault,
            client_id=OTHER_CLIENT.upper(),
            name="<b>Other</b>",
            secret="another-secret-0123456789",
            public_key=public_pem(OTHER_KEY),
            redirect_uris=[REGISTERED],
            now=services.clock.now(),
        )
        yield Front(office, offer)


# --- the JWT grant ----------------------------------------------------------------------------


async def test_an_assertion_is_worth_a_token_for_an_hour(tmp_path: Path) -> None:
    async with front(tmp_path) as door:
        told = await door.by_assertion(door.assertion())
        assert (told["token_type"], told["expires_in"]) == ("Bearer", 3600)
        assert "refresh_token" not in told
        token = told["access_token"]
        info = await door.office.ask("GET", "/oauth/userinfo", token=token)
        assert (info["sub"], info["email"]) == (SAM, "sam@example.com")
        assert [one["account_id"] for one in info["accounts"]] == [A1, A2]
        assert [one["is_default"] for one in info["accounts"]] == [True, False]
        assert {one["base_uri"] for one in info["accounts"]} == {f"https://{HOST}"}
        users = f"/restapi/v2.1/accounts/{A1}/users"
        await door.office.ask("GET", users, token=token)
        code = await door.office.refused("POST", users, token=token, json={}, expect=403)
        assert code == "USER_NOT_ACCOUNT_ADMIN"
        door.office.clock.advance_to(door.office.clock.now() + 3600 * SECOND)
        code = await door.office.refused("GET", users, token=token, expect=401)
        assert code == "AUTHORIZATION_INVALID_TOKEN"


async def test_the_sdks_default_scope_is_enough(tmp_path: Path) -> None:
    async with front(tmp_path) as door:
        assert (await door.by_assertion(door.assertion(scope="signature")))["scope"] == "signature"
        assert await door.refused(door.assertion(scope="impersonation")) == (
            "invalid_scope",
            "Ask for the scope `signature`.",
        )


async def test_an_oauth_user_may_not_act_as_another(tmp_path: Path) -> None:
    async with front(tmp_path) as door:
        token = (await door.by_assertion(door.assertion()))["access_token"]
        info = await door.office.ask(
            "GET", "/oauth/userinfo", token=token, headers={"X-DocuSign-Act-As-User": ADA}
        )
        assert info["sub"] == SAM


async def test_an_assertion_with_a_claim_that_does_not_hold_is_refused(tmp_path: Path) -> None:
    async with front(tmp_path) as door:
        for other, why in (
            ({"iss": "0e0e0e0e-0000-4000-8000-00000000dead"}, "issuer_not_found"),
            ({"iss": None}, "issuer_not_found"),
            ({"iss": OTHER_CLIENT}, "no_valid_keys_or_signatures"),
            ({"sub": "5f0c1f3e-0000-4000-8000-00000000dead"}, "user_not_found"),
            ({"sub": "sam@example.com"}, "user_not_found"),
            ({"sub": ""}, "user_not_found"),
            ({"sub": None}, "The assertion lacks sub."),
            ({"sub": 7}, "no_valid_keys_or_signatures"),
            ({"aud": None}, "The assertion lacks aud."),
            ({"aud": "account-d.docusign.com"}, "aud is not this server"),
            ({"aud": f"https://{HOST}"}, "aud is not this server"),
            ({"aud": "localhost:9999"}, "aud is not this server"),
            ({"aud": [HOST, "account-d.docusign.com"]}, "aud is not this server"),
            ({"exp": None}, "The assertion lacks exp."),
            ({"iat": None}, "The assertion lacks iat."),
            ({"exp": int(time.time()) - 120}, "expired"),
            ({"exp": "tomorrow"}, "seconds since 1970"),
            ({"exp": 1e300}, "seconds since 1970"),
            ({"iat": int(time.time()) + 7200}, "dated in the future"),
            ({"nbf": int(time.time()) + 7200}, "dated in the future"),
        ):
            error, description = await door.refused(door.assertion(**other))
            assert error == "invalid_grant"
            assert why in description


def coded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


async def test_an_assertion_without_a_signature_is_refused(tmp_path: Path) -> None:
    async with front(tmp_path) as door:
        for algorithm in ("none", "None", "NONE", ""):
            head = coded({"alg": algorithm, "typ": "JWT"})
            forged = f"{head}.{coded(door.claims())}."
            assert await door.refused(forged) == ("invalid_grant", "no_valid_keys_or_signatures")


async def test_an_assertion_signed_with_the_public_key_as_a_shared_secret_is_refused(
    tmp_path: Path,
) -> None:
    async with front(tmp_path) as door:
        found = await integrations.find(door.office.services.store, door.offer.client_id)
        assert found is not None
        signed = f"{coded({'alg': 'HS256', 'typ': 'JWT'})}.{coded(door.claims())}"
        digest = hmac.digest(found.public_key.encode(), signed.encode(), "sha256")
        forged = f"{signed}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"
        assert await door.refused(forged) == ("invalid_grant", "no_valid_keys_or_signatures")


async def test_an_assertion_signed_by_another_key_or_another_way_is_refused(
    tmp_path: Path,
) -> None:
    async with front(tmp_path) as door:
        own = door.assertion()
        forged = [
            jwt.encode(door.claims(), pem(OTHER_KEY), algorithm="RS256"),
            jwt.encode(door.claims(), door.private_key, algorithm="PS256"),
            jwt.encode(door.claims(), door.private_key, algorithm="RS512"),
            own[:-4] + ("AAAA" if own[-4:] != "AAAA" else "BBBB"),
            f"{own.split('.')[0]}.{coded(door.claims(sub=ADA))}.{own.split('.')[2]}",
        ]
        for one in forged:
            assert await door.refused(one) == ("invalid_grant", "no_valid_keys_or_signatures")


async def test_what_is_no_assertion_is_refused(tmp_path: Path) -> None:
    async with front(tmp_path) as door:
        for text in (
            "",
            "x",
            "a.b.c",
            "." * 10,
            "é.é.é",
            "x" * 9000,
            "e30.e30.",
            "W10.W10.W10",
        ):
            error, _ = await door.refused(text)
            assert error in {"invalid_grant", "invalid_request"}


async def test_an_access_token_is_no_assertion_and_an_assertion_no_access_token(
    tmp_path: Path,
) -> None:
    async with front(tmp_path) as door:
        token = (await door.by_assertion(door.assertion()))["access_token"]
        await door.refused(token)
        code = await door.office.refused(
            "GET", "/oauth/userinfo", token=door.assertion(), expect=401
        )
        assert code == "AUTHORIZATION_INVALID_TOKEN"


async def test_an_access_token_that_was_changed_is_not_known(tmp_path: Path) -> None:
    async with front(tmp_path) as door:
        token = (await door.by_assertion(door.assertion()))["access_token"]
        head, claims, signed = token.split(".")
        read = json.loads(base64.urlsafe_b64decode(claims + "=="))
        as_ada = coded(read | {"sub": ADA})
        for forged in (
            f"{head}.{as_ada}.{signed}",
            f"{coded({'alg': 'none', 'typ': 'JWT'})}.{as_ada}.",
            jwt.encode(read | {"sub": ADA}, "k" * 32, algorithm="HS256"),
        ):
            await door.office.refused("GET", "/oauth/userinfo", token=forged, expect=401)


async def test_an_audience_is_what_the_setting_says_even_if_the_host_header_says_otherwise(
    tmp_path: Path,
) -> None:
    async with front(tmp_path, public_url="https://connect.example.com") as door:
        for audience in ("connect.example.com", HOST):
            await door.by_assertion(door.assertion(aud=audience))
        form = {
            "grant_type": JWT_BEARER,
            "assertion": door.assertion(aud="account-d.docusign.com"),
        }
        answer = await door.office.raw(
            "POST", TOKEN_PATH, token=None, data=form, headers={"Host": "account-d.docusign.com"}
        )
        assert answer.status_code == 400


async def test_a_user_who_was_closed_gets_no_token_and_has_none(tmp_path: Path) -> None:
    async with front(tmp_path) as door:
        token = (await door.by_assertion(door.assertion(sub=ADA)))["access_token"]
        closed = {"users": [{"userId": ADA}]}
        await door.office.ask("DELETE", f"/restapi/v2.1/accounts/{A1}/users", json=closed)
        code = await door.office.refused("GET", "/oauth/userinfo", token=token, expect=401)
        assert code == "AUTHORIZATION_INVALID_TOKEN"
        assert (await door.refused(door.assertion(sub=ADA)))[1] == "user_not_found"


# --- the authorization code grant -------------------------------------------------------------


async def test_a_code_is_worth_a_token_for_eight_hours_once(tmp_path: Path) -> None:
    async with front(tmp_path) as door:
        back = await door.code(state="s p&c=")
        assert back["state"] == ["s p&c="]
        asked: dict[str, Any] = {"grant_type": "authorization_code", "code": back["code"][0]}
        told = await door.ask(secret=door.offer.client_secret, **asked)
        assert told["expires_in"] == 8 * 3600
        info = await door.office.ask("GET", "/oauth/userinfo", token=told["access_token"])
        assert info["sub"] == SAM
        again = await door.ask(secret=door.offer.client_secret, expect=400, **asked)
        assert again["error"] == "invalid_grant"


async def test_a_code_is_good_for_two_minutes(tmp_path: Path) -> None:
    async with front(tmp_path) as door:
        back = await door.code()
        door.office.clock.advance_to(door.office.clock.now() + 120 * SECOND)
        asked: dict[str, Any] = {"grant_type": "authorization_code", "code": back["code"][0]}
        told = await door.ask(secret=door.offer.client_secret, expect=400, **asked)
        assert told["error"] == "invalid_grant"


async def test_a_code_is_of_no_use_to_another_integration(tmp_path: Path) -> None:
    async with front(tmp_path) as door:
        back = await door.code()
        asked: dict[str, Any] = {"grant_type": "authorization_code", "code": back["code"][0]}
        pair = base64.b64encode(f"{OTHER_CLIENT}:another-secret-0123456789".encode()).decode()
        answer = await door.office.raw(
            "POST", TOKEN_PATH, token=None, data=asked, headers={"Authorization": f"Basic {pair}"}
        )
        assert answer.json()["error"] == "invalid_grant"
        await door.ask(secret=door.offer.client_secret, **asked)


@pytest.mark.parametrize("secret", ["", "wrong", "é", "x" * 10_000, None])
async def test_without_the_integrations_secret_a_code_is_worth_nothing(
    tmp_path: Path, secret: str | None
) -> None:
    async with front(tmp_path) as door:
        back = await door.code()
        asked: dict[str, Any] = {"grant_type": "authorization_code", "code": back["code"][0]}
        told = await door.ask(secret=secret, expect=401, **asked)
        assert told["error"] == "invalid_client"
        await door.ask(secret=door.offer.client_secret, **asked)


async def test_a_code_asked_for_with_a_challenge_needs_its_verifier(tmp_path: Path) -> None:
    async with front(tmp_path) as door:
        verifier = "v" * 43
        digest = hashlib.sha256(verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        for given, expect in (("", 400), ("w" * 43, 400), (verifier, 200)):
            back = await door.code(code_challenge=challenge, code_challenge_method="S256")
            asked: dict[str, Any] = {"grant_type": "authorization_code", "code": back["code"][0]}
            secret = door.offer.client_secret
            await door.ask(secret=secret, expect=expect, code_verifier=given, **asked)


async def test_a_refresh_token_is_worth_the_next_one_once(tmp_path: Path) -> None:
    async with front(tmp_path) as door:
        secret = door.offer.client_secret
        back = await door.code()
        first = await door.ask(secret=secret, grant_type="authorization_code", code=back["code"][0])
        asked: dict[str, Any] = {
            "grant_type": "refresh_token",
            "refresh_token": first["refresh_token"],
        }
        second = await door.ask(secret=secret, **asked)
        assert second["refresh_token"] != first["refresh_token"]
        assert (await door.ask(secret=secret, expect=400, **asked))["error"] == "invalid_grant"
        door.office.clock.advance_to(door.office.clock.now() + 30 * 86_400 * SECOND)
        asked["refresh_token"] = second["refresh_token"]
        assert (await door.ask(secret=secret, expect=400, **asked))["error"] == "invalid_grant"


async def test_what_codes_stand_for_is_forgotten_when_it_is_out_of_date(tmp_path: Path) -> None:
    async with front(tmp_path) as door:
        store = door.office.services.store
        for _ in range(3):
            await door.code()
        assert len(await store.kept_objects("oauth-code", "")) == 3
        door.office.clock.advance_to(door.office.clock.now() + 121 * SECOND)
        await door.code()
        assert len(await store.kept_objects("oauth-code", "")) == 1


# --- the consent page -------------------------------------------------------------------------


async def test_the_consent_page_escapes_names_and_lets_nothing_in(tmp_path: Path) -> None:
    async with front(tmp_path) as door:
        page = await door.office.raw(
            "GET",
            "/oauth/auth",
            token=None,
            params={
                "response_type": "code",
                "client_id": OTHER_CLIENT,
                "redirect_uri": REGISTERED,
                "scope": "signature <script>",
            },
        )
        assert "&lt;b&gt;Other&lt;/b&gt;" in page.text
        assert "<script" not in page.text
        assert "Sam Samson" in page.text
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "form-action 'self' https://app.example.com;" in policy


async def test_a_registered_address_keeps_its_own_query(tmp_path: Path) -> None:
    async with front(tmp_path) as door:
        back = await door.code(client_id=OTHER_CLIENT, redirect_uri=REGISTERED)
        assert (back["tenant"], len(back["code"])) == (["7"], 1)


async def test_nobody_is_sent_to_an_address_that_is_not_registered(tmp_path: Path) -> None:
    async with front(tmp_path) as door:
        for uri in (
            "",
            "https://evil.example.com/callback",
            "https://app.example.com/ds/callback",
            "http://localhost:5000@evil.example.com/",
            "http://localhost.evil.example.com/",
            "javascript:alert(1)//localhost",
            "http://localhost:5000/callback#part",
            "http://localhost:99999/",
            "http://localhost:5000/\r\nX: y",
            "http://localhost;evil.example.com/",
            "//localhost/",
        ):
            asked = {"response_type": "code", "scope": "signature", "redirect_uri": uri}
            answer = await door.office.raw(
                "GET", "/oauth/auth", token=None, params={"client_id": OTHER_CLIENT} | asked
            )
            assert answer.status_code == 400
            assert answer.json()["error"] == "invalid_request"


async def test_a_request_that_is_wrong_is_told_to_the_integration(tmp_path: Path) -> None:
    async with front(tmp_path) as door:
        for query, error in (
            ({"response_type": "token"}, "unsupported_response_type"),
            ({"scope": "openid"}, "invalid_scope"),
            ({"code_challenge": "x"}, "invalid_request"),
            ({"code_challenge": "x", "code_challenge_method": "plain"}, "invalid_request"),
            ({"code_challenge": "\u00e9", "code_challenge_method": "S256"}, "invalid_request"),
        ):
            asked = {
                "response_type": "code",
                "client_id": door.offer.client_id,
                "redirect_uri": CALLBACK,
                "scope": "signature",
                "state": "7",
            } | query
            answer = await door.office.raw("GET", "/oauth/auth", token=None, params=asked)
            assert answer.status_code == 303
            assert answer.headers["location"] == f"{CALLBACK}?error={error}&state=7"


async def test_a_consent_that_was_not_asked_for_here_is_refused(tmp_path: Path) -> None:
    async with front(tmp_path) as door:
        for session in ("", "forged", door.office.services.vault.seal("{}").decode()):
            form = {"session": session, "user_id": SAM}
            answer = await door.office.raw("POST", "/oauth/auth", token=None, data=form)
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_people_do_not_sign_in_by_a_click_outside_offline_mode(tmp_path: Path) -> None:
    async with front(tmp_path, is_offline=False) as door:
        asked = {"client_id": door.offer.client_id, "response_type": "code"}
        for method in ("GET", "POST"):
            answer = await door.office.raw(method, "/oauth/auth", token=None, params=asked)
            assert (answer.status_code, answer.json()["error"]) == (403, "access_denied")


# --- the form, and what is kept ---------------------------------------------------------------


async def test_a_form_that_asks_for_nothing_known_is_refused(tmp_path: Path) -> None:
    async with front(tmp_path) as door:
        for body in (
            b"",
            b"grant_type=password",
            b"a&" * 50,
            b"\xff\xfe",
            b"grant_type=a&grant_type=b",
            b"x" * 40_000,
        ):
            answer = await door.office.raw("POST", TOKEN_PATH, token=None, content=body)
            assert answer.status_code == 400
            assert answer.json()["error"] in {"invalid_request", "unsupported_grant_type"}


async def test_the_offline_integration_is_the_same_at_every_start(tmp_path: Path) -> None:
    async with front(tmp_path) as door:
        services = door.office.services
        again = await integrations.ensure_offline_integration(
            services.store, services.vault, now=services.clock.now(), folder=tmp_path
        )
        assert again == door.offer
        assert again.private_key_file.stat().st_mode & 0o777 == 0o600
        assert door.offer.client_secret not in repr(door.offer)
        assert isinstance(load_pem_private_key(door.private_key.encode(), None), rsa.RSAPrivateKey)
        kept = await services.store.kept_objects("integration", "")
        assert not any(door.offer.client_secret.encode() in one.body for one in kept)


async def test_a_new_key_file_is_trusted_at_the_next_start(tmp_path: Path) -> None:
    async with front(tmp_path) as door:
        old = door.assertion()
        door.offer.private_key_file.unlink()
        services = door.office.services
        offer = await integrations.ensure_offline_integration(
            services.store, services.vault, now=services.clock.now(), folder=tmp_path
        )
        assert offer.client_secret == door.offer.client_secret
        assert await door.refused(old) == ("invalid_grant", "no_valid_keys_or_signatures")
        await door.by_assertion(Front(door.office, offer).assertion())


async def test_an_integration_that_cannot_be_used_is_not_registered(tmp_path: Path) -> None:
    async with front(tmp_path) as door:
        for said in (
            {"client_id": "x"},
            {"name": ""},
            {"secret": "short"},
            {"secret": "with:a:colon:and:more"},
            {"public_key": "-----BEGIN PUBLIC KEY-----"},
            {"public_key": "k" * 20_000},
            {"redirect_uris": ["ftp://example.com/"]},
            {"redirect_uris": [REGISTERED] * 21},
        ):
            given: dict[str, Any] = {
                "client_id": OTHER_CLIENT,
                "name": "Other",
                "secret": "another-secret-0123456789",
                "public_key": public_pem(OTHER_KEY),
                "redirect_uris": [],
            } | said
            services = door.office.services
            with pytest.raises(InvalidInputError):
                await integrations.register_integration(
                    services.store, services.vault, now=0, **given
                )
