"""The official SDK, unchanged, as an integration uses it, and the people who sign."""

from collections.abc import Mapping, Sequence
from typing import Any

import docusign_esign as ds
from tests.acceptance.cast import A1
from tests.acceptance.gateway import TOKEN, Gateway

PDF = "JVBERi0xLjQKJeLjz9MKJSVFT0YK"  # a PDF's first and last line, in base64


class Sdk:
    """`docusign-esign` against the Connect server, as one user of one account."""

    def __init__(
        self, gateway: Gateway, *, account: str = A1, user: str | None = None, token: str = TOKEN
    ) -> None:
        self.gateway = gateway
        self.account = account
        self.client = ds.ApiClient(host=f"{gateway.url}/restapi")
        self.client.set_default_header("Authorization", f"Bearer {token}")
        if user is not None:
            self.client.set_default_header("X-DocuSign-Act-As-User", user)
        self.connect = ds.ConnectApi(self.client)
        self.envelopes = ds.EnvelopesApi(self.client)

    # the account's side

    def configure(self, name: str, url: str, **said: Any) -> ds.ConnectCustomConfiguration:
        """Create a Connect configuration that is on and in JSON SIM, unless `said` otherwise."""
        given: dict[str, Any] = {
            "name": name,
            "url_to_publish_to": url,
            "configuration_type": "custom",
            "allow_envelope_publish": "true",
            "all_users": "true",
            "delivery_mode": "SIM",
            "event_data": {"version": "restv2.1", "includeData": ["custom_fields", "recipients"]},
            "enable_log": "true",
            "include_hmac": "true",
        }
        body = ds.ConnectCustomConfiguration(**(given | said))
        return self.connect.create_configuration(self.account, connect_custom_configuration=body)

    # the sender's side

    def send(
        self,
        *signers: str,
        fields: Mapping[str, str] | None = None,
        list_fields: Mapping[str, str] | None = None,
        event_notification: Any = None,
        parallel: bool = False,
        **more: Any,
    ) -> str:
        """Send an envelope to signers, one after the other unless `parallel`; return its id."""
        definition = ds.EnvelopeDefinition(
            email_subject="Please sign the attached document",
            status="sent",
            documents=[
                ds.Document(
                    document_base64=PDF, name="Agreement.pdf", file_extension="pdf", document_id="1"
                )
            ],
            recipients=ds.Recipients(
                signers=[
                    ds.Signer(
                        email=f"{name}@example.com",
                        name=name.title(),
                        recipient_id=str(number),
                        routing_order="1" if parallel else str(number),
                    )
                    for number, name in enumerate(signers or ("ada",), start=1)
                ]
            ),
            custom_fields=ds.CustomFields(
                text_custom_fields=[
                    ds.TextCustomField(name=name, value=value)
                    for name, value in (fields or {}).items()
                ],
                list_custom_fields=[
                    ds.ListCustomField(name=name, value=value, list_items=[value, "Other"])
                    for name, value in (list_fields or {}).items()
                ],
            ),
            event_notification=event_notification,
            **more,
        )
        made = self.envelopes.create_envelope(self.account, envelope_definition=definition)
        return str(made.envelope_id)

    def void(self, envelope_id: str, reason: str = "No longer needed") -> None:
        """Void an envelope."""
        self.envelopes.update(
            self.account, envelope_id, envelope=ds.Envelope(status="voided", voided_reason=reason)
        )

    def correct(self, envelope_id: str, recipient: str, email: str) -> None:
        """Give a recipient another address, which sends to it again."""
        recipients = ds.Recipients(
            signers=[ds.Signer(recipient_id=recipient, email=email, name="Corrected")]
        )
        self.envelopes.update_recipients(
            self.account, envelope_id, recipients=recipients, resend_envelope="true"
        )

    # what people do

    def act(self, envelope_id: str, verb: str, recipient: str | None = "1", **more: Any) -> None:
        """Do what a recipient, or time, does to an envelope."""
        action = {"verb": verb, "recipient_id": recipient, **more}
        answer = self.gateway.http.post(
            f"/api/v1/envelopes/{envelope_id}/actions",
            json=action,
            params={"account": self.account},
        )
        assert answer.is_success, answer.text

    def sign_all(self, envelope_id: str, recipients: Sequence[str] = ("1",)) -> None:
        """Let recipients open and sign, one after the other."""
        for recipient in recipients:
            self.act(envelope_id, "view", recipient)
            self.act(envelope_id, "sign", recipient)
