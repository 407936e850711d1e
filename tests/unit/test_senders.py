"""Whose envelope it shall be: a user by a part of an id or an address, never by guessing."""

import pytest
from tests.acceptance.cast import A1, A2, ALICE, BOB, U123, U567

from postroom.errors import InvalidInputError, NotFoundError
from postroom.model import Account, Registry, User
from postroom.operations.connect import senders

USERS = tuple(User(id=one.user_id, email=one.email) for one in (U123, U567, ALICE, BOB))
ACME = Account(id=A1, name="Acme Corp", users=USERS)


def registry(*accounts: Account) -> Registry:
    return Registry(revision=1, accounts={one.id: one for one in accounts}, listeners={}, lanes={})


@pytest.mark.parametrize(
    "named", ["123", U123.user_id, U123.user_id.upper(), U123.email, "salesforce", "svc-sales"]
)
def test_a_user_is_found_by_all_or_a_telling_part_of_id_or_address(named: str) -> None:
    assert senders.sender_of(ACME, named).user_id == U123.user_id


def test_the_end_of_an_id_goes_before_a_part_of_another() -> None:
    other = User(id="12300000-0000-4000-8000-000000000999", email="x@example.com")
    account = Account(id=A1, users=(other, *USERS))
    assert senders.sender_of(account, "123").user_id == U123.user_id


def test_a_part_that_several_have_is_refused_with_all_of_them() -> None:
    with pytest.raises(InvalidInputError) as refused:
        senders.sender_of(ACME, "svc-")
    assert "several: svc-salesforce@example.com, svc-erp@example.com" in str(refused.value)


def test_a_part_that_nobody_has_is_refused_with_everybody() -> None:
    with pytest.raises(InvalidInputError, match="its users are svc-salesforce@"):
        senders.sender_of(ACME, "999")
    with pytest.raises(InvalidInputError, match="it has no users"):
        senders.sender_of(Account(id=A1), "999")
    with pytest.raises(InvalidInputError, match="is empty"):
        senders.sender_of(ACME, " ")


def test_a_user_that_is_closed_sends_nothing() -> None:
    closed = User(id=U123.user_id, email=U123.email, status="Closed")
    with pytest.raises(InvalidInputError):
        senders.sender_of(Account(id=A1, users=(closed,)), "123")


def test_without_a_name_the_first_user_sends_who_is_no_administrator() -> None:
    head = User(id="5f0c1f3e-0000-4000-8000-0000000000ad", email="a@b.c", is_admin=True)
    assert senders.sender_of(Account(id=A1, users=(head, *USERS)), None).email == U123.email
    assert senders.sender_of(Account(id=A1, users=(head,)), None).email == "a@b.c"
    assert senders.sender_of(Account(id=A1), None).user_id


def test_without_a_name_the_account_is_the_first_main_one() -> None:
    sub = Account(id="0" + A2[1:], parent_id=A1)
    assert senders.account_of(registry(sub, ACME), None).id == A1
    assert senders.account_of(registry(sub), None).id == sub.id
    assert senders.account_of(registry(sub, ACME), "Acme Corp").id == A1
    with pytest.raises(NotFoundError, match="there is no account yet"):
        senders.account_of(registry(), None)
    with pytest.raises(NotFoundError, match="there is no account 'Acme UK'"):
        senders.account_of(registry(ACME), "Acme UK")


def test_a_sender_that_no_account_knows_is_made_of_what_it_is_called() -> None:
    assert senders.made_up("123").user_id == "00000000-0000-4000-8000-000000000123"
    assert senders.made_up(U123.user_id.upper()).user_id == U123.user_id
    ada = senders.made_up("Ada@example.com")
    assert (ada.email, ada) == ("ada@example.com", senders.made_up("ada@example.com"))
    for wrong in ("", "Zoe", "1" * 13, "x" * 500):
        with pytest.raises(InvalidInputError):
            senders.made_up(wrong)
