from pathlib import Path
from typing import Any

import pytest

from postroom.cli import connect_file
from postroom.errors import InvalidInputError
from postroom.model import Registry, UserCondition
from postroom.operations.document import InvalidDocumentError, Problem, read
from postroom.operations.drafts import Drafts, draft

NOBODY = Registry(revision=0, accounts={}, listeners={}, lanes={})
A1 = "a1000000-0000-4000-8000-000000000001"
A2 = "a2000000-0000-4000-8000-000000000002"
WHOLE = """
accounts:
  - id: A1000000-0000-4000-8000-000000000001
    name: Acme Corp
    keys: [{env: ACME_CONNECT_KEY}]
    users:
      - {id: 5f0c1f3e-0000-4000-8000-000000000567, email: svc-erp@example.com, groups: [robots]}
  - id: a2000000-0000-4000-8000-000000000002
    name: Acme UK
    parent: a1000000-0000-4000-8000-000000000001
    keys: [{file: uk.key}]
lanes:
  - {name: write-back, account: Acme Corp, prefer: [erp]}
listeners:
  - name: erp
    account: Acme Corp
    url: https://erp.example.com/docusign
    events: [envelope-completed, Declined, recipient-authenticationfailed]
    users: {only: [svc-erp@example.com, robots]}
    filter:
      customFields.Integration: ERP
      envelope.emailSubject: {startsWith: "PO "}
      envelope.createdDateTime: {gte: 2026-01-01}
      any: [{envelope.templates.templateId: [t1, t2]}, {sender.email: {endsWith: "@x.example"}}]
    lane: write-back
    include: [custom_fields, recipients]
    format: sim
    retry: [1, 5.5]
  - {name: other, account: Acme Corp, url: "https://other.example.com/", lane: write-back}
"""


BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{this}: &{this} [{','.join([f'*{last}'] * 10)}]\n"
    for last, this in zip("abcdef", "bcdefg", strict=True)
)


def load(tmp_path: Path, text: str, **environment: str) -> connect_file.ConnectFile:
    path = tmp_path / "connect.yaml"
    path.write_text(text)
    return connect_file.load(path, environment)


def drafted(tmp_path: Path, text: str) -> Drafts:
    return draft(read(load(tmp_path, text).document), NOBODY, allow_private=False)


def complaints(tmp_path: Path, text: str) -> str:
    file = load(tmp_path, text)
    with pytest.raises(InvalidDocumentError) as caught:
        draft(read(file.document), NOBODY, allow_private=False)
    return file.describe(caught.value.problems)


def account(**more: Any) -> str:
    extra = "".join(f"\n    {name}: {value}" for name, value in more.items())
    return f"accounts:\n  - id: {A1}\n    unsigned: true{extra}\n"


def listener(**more: Any) -> str:
    fields: dict[str, Any] = {"name": "one", "account": A1, "url": "https://one.example.com/"}
    lines = "\n    ".join(f"{name}: {value}" for name, value in (fields | more).items())
    return f"{account()}listeners:\n  - {lines}\n"


def test_the_whole_language_is_read(tmp_path: Path) -> None:
    (tmp_path / "uk.key").write_text("uk-key=\n")
    file = load(tmp_path, WHOLE, ACME_CONNECT_KEY="acme-key=")
    drafts = draft(read(file.document), NOBODY, allow_private=False)
    erp, other = drafts.listeners
    assert [one.id for one in drafts.accounts] == [A1, "a2000000-0000-4000-8000-000000000002"]
    assert [one["keys"] for one in file.document["accounts"]] == [
        [{"text": "acme-key="}],
        [{"text": "uk-key="}],
    ]
    assert erp.events == (
        "envelope-completed",
        "envelope-declined",
        "recipient-authenticationfailed",
    )
    assert erp.users == UserCondition(
        kind="only", emails=("svc-erp@example.com",), groups=("robots",)
    )
    assert (erp.retry, erp.format, erp.include) == (
        (1.0, 5.5),
        "sim",
        ("custom_fields", "recipients"),
    )
    assert (other.format, other.retry) == ("pass-through", "docusign")
    assert drafts.lanes[0].prefer == ("erp",)
    assert drafts.warnings == ()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (listener(filtr="{}"), "connect.yaml:8:5: listeners[0].filtr: unknown key"),
        (listener(filtr="{}"), "did you mean filter?"),
        (listener(filter="{customFields.X: {startswith: a}}"), "startsWith"),
        (listener(filter="{customFields.X: {startswith: a}}"), "connect.yaml:8:31:"),
        (listener(account="Nobody"), "there is no such account"),
        (listener(url="ftp://x.example/"), "https://"),
        (listener(url="http://127.0.0.1/"), "--allow-private-addresses"),
        (listener(retry="dokusign"), "docusign-legacy"),
        (listener(retry="[-1]"), "number of seconds"),
        (listener(format="soap"), "'sim', 'aggregate' or 'xml'"),
        (listener(format="xml", include="[tabs]"), "needs format: sim, or aggregate"),
        (listener(format="xml", mask="[emails]"), "needs format: sim, or aggregate"),
        (listener(mask="[emails]"), "needs format: sim"),
        (listener(include="[tabs]"), "needs format: sim"),
        (listener(format="sim", include="[tab]"), "custom_fields"),
        (listener(users="{only: [ghosts]}"), "no user of the account is in a group"),
        (listener(users="{}"), "either only or except"),
        (listener(concurrency="0"), "greater than or equal to 1"),
        (listener(concurrency="1000"), "less than or equal to 256"),
        (listener(name="''"), "at least 1"),
        (listener(name="a/b"), "a slash is not allowed"),
        (account(parent=A1), "name another account"),
        ("accounts:\n  - id: 12345", "write the GUID"),
        ("accounts:\n  - name: x", "this is required"),
        ("accuonts: []", "did you mean accounts?"),
        (
            account(users=f"[{{id: {A1}, groups: [robots]}}]")
            + f"listeners: [{{name: a, account: {A1}, url: 'https://a.example/',"
            " users: {only: [robot]}}]",
            "did you mean robots?",
        ),
        (
            account(enrichment="{base_url: 'https://x.example', token: {text: \"a\\r\\nX: b\"}}"),
            "paste the token alone",
        ),
        (
            account(enrichment="{base_url: 'https://u:p@x.example/', token: {text: t}}"),
            "connect.yaml:4:18: accounts[0].enrichment.base_url: the URL holds credentials",
        ),
        (
            account(enrichment="{base_url: 'http://169.254.169.254/', token: {text: t}}"),
            "private or special address",
        ),
        (account(parent=A2) + f"  - {{id: {A2}, parent: {A1}}}", "is its own parent"),
        (account(keys="{env: HOME}"), "accounts[0].keys: write a list"),
        (listener(users="[a]"), "listeners[0].users: write keys and their values"),
        (listener(filter=""), "connect.yaml:8:5: listeners[0].filter: nothing stands here"),
        (listener(users=""), "connect.yaml:8:5: listeners[0].users: nothing stands here"),
        (listener(users=f"{{only: [{'g' * 8}-{'-'.join(['g' * 4] * 3)}-{'g' * 12}]}}"), "no user"),
        (listener(filter="{customFields.X: {gt: 1_000}}"), "wants a number"),
        (account(retry="1"), "connect.yaml:4:5: accounts[0].retry: unknown key 'retry'"),
        ("str: 1", "connect.yaml:1:1: str: unknown key 'str'"),
        (listener(stream="1"), "connect.yaml:8:5: listeners[0].stream: unknown key 'stream'"),
        (listener(retry="[1, x]"), "connect.yaml:8:5: listeners[0].retry: write a profile's"),
        (listener(retry="{a: 1}"), "write a profile's name, or a list of seconds"),
        (account() + f"lanes:\n  - {{name: l, account: {A1}, prefer: [x]}}", "no listener of this"),
        (account(name=r'"a\Nb"'), "accounts[0].name: control characters are not allowed"),
        (listener(name=r'"a\Lb"'), "listeners[0].name: control characters are not allowed"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, text: str, complaint: str) -> None:
    assert complaint in complaints(tmp_path, text)


def test_all_problems_are_named_at_once(tmp_path: Path) -> None:
    said = complaints(tmp_path, listener(url="ftp://x.example/", retry="never", mask="[emails]"))
    assert len(said.splitlines()) == 3


def test_two_problems_at_one_place_are_both_named(tmp_path: Path) -> None:
    file = load(tmp_path, account())
    here = [Problem(path=("accounts",), message=text) for text in ("first", "second")]
    assert file.describe(here).splitlines() == [
        "connect.yaml:1:1: accounts: first",
        "connect.yaml:1:1: accounts: second",
    ]


def test_a_name_may_stand_once_in_an_account(tmp_path: Path) -> None:
    twice = listener() + f"  - {{name: one, account: {A1}, url: 'https://two.example.com/'}}\n"
    assert "already" in complaints(tmp_path, twice)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is empty"),
        ("hello", "connect.yaml is no mapping; start with accounts:"),
        ("a: [", "connect.yaml:1:5: not valid YAML"),
        ("a: 1\na: 2", "connect.yaml:2:1: the key 'a' stands here twice"),
        ("a:\n\t- b", "not valid YAML"),
        ("? [a]\n: b", "plain word"),
        (BOMB, "too much"),
        ("[" * 100 + "]" * 100, "too much"),
        ("a: !!bool x", "connect.yaml:1:4: this value cannot be read"),
        ("a: !!float ''", "connect.yaml:1:4: this value cannot be read"),
        ("a: !!timestamp x", "connect.yaml:1:4: this value cannot be read"),
        ("a: " + "9" * 5000, "connect.yaml:1:4: this value cannot be read"),
        (r'a: "\ud800"', "connect.yaml:1:4: half a character"),
        (r'"\udfff": b', "connect.yaml:1:1: half a character"),
        ("a: .nan", "connect.yaml:1:4: this number is not finite"),
        (account(keys=r'[{file: "\0"}]'), "cannot read"),
        (account(keys="[{env: NOT_SET}]"), "the variable NOT_SET is not set"),
        (account(keys="[{file: nowhere.key}]"), "cannot read"),
        (account(keys="[{env: A, text: b}]"), "one of env:, file: or text:"),
        (account(keys="[the-key-itself]"), "give one of env:, file: or text:, such as {env: NAME}"),
        ("[" * 5000, "nested too deeply"),
        ("a: \0", "control character"),
    ],
)
def test_what_is_no_such_file_is_refused_with_its_place(
    tmp_path: Path, text: str, complaint: str
) -> None:
    with pytest.raises(InvalidInputError, match=r".") as caught:
        load(tmp_path, text)
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    "written",
    [
        "0123",
        "12:30",
        "1.10",
        "1_000",
        "0x1F",
        "1.0e+3",
        "yes",
        "off",
        "True",
        "2026-03-02 10:00:00",
    ],
)
def test_a_filter_means_what_is_written_not_what_yaml_makes_of_it(
    tmp_path: Path, written: str
) -> None:
    (one,) = drafted(tmp_path, listener(filter=f"{{customFields.X: {written}}}")).listeners
    assert one.filter == {"customFields.X": written}


def test_names_are_what_is_written_too(tmp_path: Path) -> None:
    (one,) = drafted(tmp_path, listener(name="007", lane="no", acknowledgement="no")).listeners
    assert (one.name, one.lane, one.acknowledgement) == ("007", "no", False)


def test_a_key_that_cannot_be_fetched_is_named_beside_the_other_problems(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as caught:
        load(tmp_path, listener(filtr="{}").replace("unsigned: true", "keys: [{env: NOT_SET}]"))
    assert [line.split(": ")[1] for line in str(caught.value).splitlines()] == [
        "accounts[0].keys[0].env",
        "listeners[0].filtr",
    ]


def test_a_token_may_be_as_long_as_docusign_s_are(tmp_path: Path) -> None:
    token = f"{{base_url: https://x.example/restapi, token: {{text: {'t' * 1500}}}}}"
    (one,) = drafted(tmp_path, account(enrichment=token)).accounts
    assert one.enrichment is not None
    assert "ttt" not in str(one)


def test_a_secret_s_file_is_never_cut_short_silently(tmp_path: Path) -> None:
    (tmp_path / "long.key").write_text("t" * 10_000)
    token = "{base_url: https://x.example/restapi, token: {file: long.key}}"
    assert "at most 4096" in complaints(tmp_path, account(enrichment=token))


def test_a_key_is_never_repeated_in_a_complaint(tmp_path: Path) -> None:
    secret = "very-secret-key" * 60
    said = complaints(tmp_path, account(keys=f"[{{text: {secret}}}]"))
    assert "very-secret" not in said


@pytest.mark.parametrize("document", [None, [], "text", 5])
def test_a_document_is_a_mapping(document: Any) -> None:
    with pytest.raises(InvalidDocumentError, match="start with accounts"):
        read(document)


def test_an_event_outside_the_vocabulary_is_warned_about_with_the_likely_one(
    tmp_path: Path,
) -> None:
    drafts = drafted(tmp_path, listener(events="[envelope-complete]"))
    assert drafts.listeners[0].events == ("envelope-complete",)
    assert "did you mean envelope-completed?" in drafts.warnings[0]


def test_a_lane_of_one_is_warned_about(tmp_path: Path) -> None:
    assert "one listener only" in drafted(tmp_path, listener(lane="write-back")).warnings[0]


def test_a_listener_of_an_environment_must_pin_it(tmp_path: Path) -> None:
    guarded = listener(environment="staging", filter="{customFields.Env: %s}").replace(
        "unsigned: true", "unsigned: true\n    environment_field: Env"
    )
    assert drafted(tmp_path, guarded % "staging").listeners[0].environment == "staging"
    assert "environment" in complaints(tmp_path, guarded % "prod")
