"""Envelopes on Docusign's paths (contract 7.3)."""

from typing import Any
from urllib.parse import quote, urlencode

from litestar import Request, Response, delete, get, post, put
from litestar.di import NamedDependency

from postroom.envelopes import rest_view
from postroom.envelopes.envelope import Sender
from postroom.operations.connect import (
    envelope_documents,
    envelope_fields,
    envelope_recipients,
    envelopes,
    locks,
    signing,
)
from postroom.operations.connect.callers import Caller
from postroom.operations.connect.living import read
from postroom.web.connect_api import answers, envelope_query
from postroom.web.connect_api.asking import Id
from postroom.web.connect_api.reach import Reach
from postroom.web.connect_api.services import ConnectServices

Services = NamedDependency[ConnectServices]
Who = NamedDependency[Caller]
Said = NamedDependency[Any]
Asked = NamedDependency[dict[str, str]]
Answer = Response[bytes]


@post("/envelopes", status_code=201)
async def create_envelope(
    services: Services, caller: Who, said: Said, request: Request[Any, Any, Any]
) -> Answer:
    """Create an envelope, as a draft or sent."""
    sender = Sender(
        user_id=caller.user_id,
        name=caller.name,
        email=caller.email,
        ip_address=request.client.host if request.client else "",
    )
    made = await envelopes.create_envelope(
        services.envelopes, caller.account_id, said, sender=sender, is_admin=caller.is_admin
    )
    return answers.answer(made, status=201)


@get("/envelopes")
async def list_envelopes(services: Services, caller: Who, asked: Asked) -> Answer:
    """List envelopes since a moment, or by id."""
    query = envelope_query.read(caller.account_id, asked)

    def uri_at(start: int) -> str:
        others = {key: text for key, text in asked.items() if key != "start_position"}
        terms = urlencode({"start_position": start, **others})
        return f"/accounts/{quote(caller.account_id)}/envelopes?{terms}"

    return answers.answer(
        await envelopes.list_envelopes(
            services.envelopes,
            caller.account_id,
            query,
            include=_words(asked.get("include", "")),
            uri_at=uri_at,
        )
    )


@get("/envelopes/{envelope_id:str}")
async def show_envelope(services: Services, caller: Who, envelope_id: Id, asked: Asked) -> Answer:
    """Return one envelope."""
    return answers.answer(
        await envelopes.show_envelope(
            services.envelopes,
            caller.account_id,
            envelope_id,
            include=_words(asked.get("include", "")),
        )
    )


@put("/envelopes/{envelope_id:str}")
async def update_envelope(
    services: Services, caller: Who, envelope_id: Id, said: Said, asked: Asked
) -> Answer:
    """Send, void, purge, resend or otherwise change an envelope."""
    return answers.answer(
        await envelopes.update_envelope(
            services.envelopes,
            caller.account_id,
            envelope_id,
            said,
            is_resending=_is_true(asked, "resend_envelope"),
        )
    )


# --- custom fields ----------------------------------------------------------------------------


@get("/envelopes/{envelope_id:str}/custom_fields")
async def show_fields(services: Services, caller: Who, envelope_id: Id) -> Answer:
    """Return an envelope's custom fields."""
    return answers.answer(
        await envelope_fields.show_fields(services.envelopes, caller.account_id, envelope_id)
    )


@post("/envelopes/{envelope_id:str}/custom_fields", status_code=201)
async def add_fields(services: Services, caller: Who, envelope_id: Id, said: Said) -> Answer:
    """Add custom fields to an envelope."""
    added = await envelope_fields.put_fields(
        services.envelopes, caller.account_id, envelope_id, said, is_adding=True
    )
    return answers.answer(added, status=201)


@put("/envelopes/{envelope_id:str}/custom_fields")
async def change_fields(services: Services, caller: Who, envelope_id: Id, said: Said) -> Answer:
    """Change custom fields of an envelope."""
    return answers.answer(
        await envelope_fields.put_fields(
            services.envelopes, caller.account_id, envelope_id, said, is_adding=False
        )
    )


@delete("/envelopes/{envelope_id:str}/custom_fields", status_code=200)
async def delete_fields(services: Services, caller: Who, envelope_id: Id, said: Said) -> Answer:
    """Take custom fields away from an envelope."""
    return answers.answer(
        await envelope_fields.delete_fields(
            services.envelopes, caller.account_id, envelope_id, said
        )
    )


# --- recipients -------------------------------------------------------------------------------


@get("/envelopes/{envelope_id:str}/recipients")
async def show_recipients(services: Services, caller: Who, envelope_id: Id, asked: Asked) -> Answer:
    """Return an envelope's recipients."""
    return answers.answer(
        await envelope_recipients.show_recipients(
            services.envelopes,
            caller.account_id,
            envelope_id,
            with_tabs=_is_true(asked, "include_tabs"),
        )
    )


@post("/envelopes/{envelope_id:str}/recipients", status_code=201)
async def add_recipients(
    services: Services, caller: Who, envelope_id: Id, said: Said, asked: Asked
) -> Answer:
    """Add recipients; return them all."""
    await envelope_recipients.put_recipients(
        services.envelopes,
        caller.account_id,
        envelope_id,
        said,
        is_resending=_is_true(asked, "resend_envelope"),
    )
    everyone = await envelope_recipients.show_recipients(
        services.envelopes, caller.account_id, envelope_id, with_tabs=False
    )
    return answers.answer(everyone, status=201)


@put("/envelopes/{envelope_id:str}/recipients")
async def correct_recipients(
    services: Services, caller: Who, envelope_id: Id, said: Said, asked: Asked
) -> Answer:
    """Correct recipients, or send to them again."""
    return answers.answer(
        await envelope_recipients.put_recipients(
            services.envelopes,
            caller.account_id,
            envelope_id,
            said,
            is_resending=_is_true(asked, "resend_envelope"),
        )
    )


@delete("/envelopes/{envelope_id:str}/recipients", status_code=200)
async def delete_recipients(services: Services, caller: Who, envelope_id: Id, said: Said) -> Answer:
    """Take the recipients that the body names out of an envelope."""
    return await _without(services, caller, envelope_id, envelope_recipients.ids_in(said))


@delete("/envelopes/{envelope_id:str}/recipients/{recipient_id:str}", status_code=200)
async def delete_recipient(
    services: Services, caller: Who, envelope_id: Id, recipient_id: Id
) -> Answer:
    """Take one recipient out of an envelope."""
    return await _without(services, caller, envelope_id, (recipient_id,))


async def _without(
    services: ConnectServices, caller: Caller, envelope_id: str, ids: tuple[str, ...]
) -> Answer:
    return answers.answer(
        await envelope_recipients.delete_recipients(
            services.envelopes, caller.account_id, envelope_id, ids
        )
    )


# --- documents --------------------------------------------------------------------------------


@get("/envelopes/{envelope_id:str}/documents")
async def list_documents(services: Services, caller: Who, envelope_id: Id) -> Answer:
    """Return what documents an envelope has."""
    return answers.answer(
        await envelope_documents.list_documents(services.envelopes, caller.account_id, envelope_id)
    )


@get("/envelopes/{envelope_id:str}/documents/{document_id:str}")
async def download_document(
    services: Services, caller: Who, envelope_id: Id, document_id: Id
) -> Answer:
    """Return a document's bytes; `combined` and `certificate` are made now."""
    content, kind, name = await envelope_documents.document_bytes(
        services.envelopes, caller.account_id, envelope_id, document_id
    )
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "_" for c in name)
    headers = {
        "Content-Disposition": f'file; filename="{plain}"; documentid="{quote(document_id)}"',
        # What a sender uploads is no page of this server, whatever it claims to be.
        "Content-Security-Policy": "sandbox",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type=kind, headers=headers)


@put("/envelopes/{envelope_id:str}/documents")
async def put_documents(services: Services, caller: Who, envelope_id: Id, said: Said) -> Answer:
    """Add documents to a draft, or replace some."""
    return answers.answer(
        await envelope_documents.put_documents(
            services.envelopes, caller.account_id, envelope_id, said
        )
    )


@put("/envelopes/{envelope_id:str}/documents/{document_id:str}")
async def put_document(
    services: Services,
    caller: Who,
    envelope_id: Id,
    document_id: Id,
    request: Request[Any, Any, Any],
) -> Answer:
    """Put a PDF, sent as it is, into a draft."""
    return answers.answer(
        await envelope_documents.put_document(
            services.envelopes, caller.account_id, envelope_id, document_id, await request.body()
        )
    )


@delete("/envelopes/{envelope_id:str}/documents", status_code=200)
async def delete_documents(services: Services, caller: Who, envelope_id: Id, said: Said) -> Answer:
    """Take documents out of a draft."""
    listed = said.get("documents") if isinstance(said, dict) else None
    ids = tuple(
        str(one.get("documentId"))
        for one in (listed if isinstance(listed, list) else ())
        if isinstance(one, dict)
    )
    return answers.answer(
        await envelope_documents.delete_documents(
            services.envelopes, caller.account_id, envelope_id, ids
        )
    )


# --- the rest ---------------------------------------------------------------------------------


@get("/envelopes/{envelope_id:str}/audit_events")
async def list_audit_events(services: Services, caller: Who, envelope_id: Id) -> Answer:
    """Return an envelope's audit trail."""
    living = await read(services.envelopes, caller.account_id, envelope_id)
    return answers.answer(rest_view.audit_events_view(living.envelope))


@post("/envelopes/{envelope_id:str}/views/recipient", status_code=201)
async def create_recipient_view(
    services: Services,
    caller: Who,
    envelope_id: Id,
    said: Said,
    reach: NamedDependency[Reach],
) -> Answer:
    """Return the address of a signing page for a recipient."""
    made = await signing.create_recipient_view(
        services.envelopes, caller.account_id, envelope_id, said, base_url=reach.base_url
    )
    return answers.answer(made, status=201)


@get("/envelopes/{envelope_id:str}/notification")
async def show_reminders(services: Services, caller: Who, envelope_id: Id) -> Answer:
    """Return an envelope's reminders and expiry: nothing of Connect (contract 8.19)."""
    living = await read(services.envelopes, caller.account_id, envelope_id)
    return answers.answer(rest_view.notification_view(living.envelope.reminders))


@put("/envelopes/{envelope_id:str}/notification")
async def change_reminders(services: Services, caller: Who, envelope_id: Id, said: Said) -> Answer:
    """Change an envelope's reminders and expiry."""
    await envelopes.update_envelope(
        services.envelopes, caller.account_id, envelope_id, {"notification": said}
    )
    living = await read(services.envelopes, caller.account_id, envelope_id)
    return answers.answer(rest_view.notification_view(living.envelope.reminders))


@post("/envelopes/{envelope_id:str}/lock", status_code=201)
async def lock_envelope(services: Services, caller: Who, envelope_id: Id, said: Said) -> Answer:
    """Take the edit lock; what is corrected under it is told when it is removed."""
    made = await locks.lock_envelope(
        services.envelopes, caller.account_id, envelope_id, said, user_id=caller.user_id
    )
    return answers.answer(made, status=201)


@delete("/envelopes/{envelope_id:str}/lock", status_code=200)
async def unlock_envelope(services: Services, caller: Who, envelope_id: Id) -> Answer:
    """Give the edit lock back."""
    return answers.answer(
        await locks.unlock_envelope(services.envelopes, caller.account_id, envelope_id)
    )


def _words(text: str) -> frozenset[str]:
    return frozenset(part.strip().lower() for part in text.split(",") if part.strip())


def _is_true(asked: dict[str, str], name: str) -> bool:
    return asked.get(name, "").lower() == "true"


ROUTES = (
    create_envelope,
    list_envelopes,
    show_envelope,
    update_envelope,
    show_fields,
    add_fields,
    change_fields,
    delete_fields,
    show_recipients,
    add_recipients,
    correct_recipients,
    delete_recipients,
    delete_recipient,
    list_documents,
    download_document,
    put_documents,
    put_document,
    delete_documents,
    list_audit_events,
    create_recipient_view,
    show_reminders,
    change_reminders,
    lock_envelope,
    unlock_envelope,
)
