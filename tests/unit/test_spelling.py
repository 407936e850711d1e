"""How near two spellings come, in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.routing.explaining.spelling import differences, weight


@pytest.mark.parametrize(
    ("seen", "wanted", "told"),
    [
        ("erp ", "ERP", ("trailing space", "case differs")),
        (" ERP", "ERP", ("leading space",)),
        (" ERP\t", "ERP", ("leading space and trailing space",)),
        ("ERP", "ERP ", ("trailing space missing",)),
        ("erp", "ERP", ("case differs",)),
        ("ERP\u00a0", "ERP", ("trailing space",)),
        ("E\u200bRP", "ERP", ("invisible character U+200B",)),
        ("\u0415RP", "ERP", ("look-alike letter: Cyrillic Capital Letter Ie (U+0415) for E",)),
        ("Mu\u0308nchen", "M\u00fcnchen", ("Unicode composed differently",)),
        ("\uff25\uff32\uff30", "ERP", ("Unicode composed differently",)),
        ("write_back", "write-back", ("separators differ",)),
        ("write back", "write-back", ("separators differ",)),
        ("writeback", "write-back", ("separators differ",)),
        ("Write Back ", "write-back", ("trailing space", "case differs", "separators differ")),
        ("prd", "prod", ("one letter missing",)),
        ("prodd", "prod", ("one letter more",)),
        ("prad", "prod", ("one letter is another",)),
        ("Salesfroce", "Salesforce", ("two letters swapped",)),
        ("SalesForse Ltd", "Salesforce Ltd", ("one letter is another",)),
        ("Salesfource Inc", "Salesforce Incs", ("a close spelling",)),
        ("ERP; CRM", "ERP", ("several values in one text",)),
    ],
)
def test_a_near_miss_says_how_it_misses(seen: str, wanted: str, told: tuple[str, ...]) -> None:
    assert differences(seen, wanted) == told


@pytest.mark.parametrize(
    ("seen", "wanted"),
    [
        ("ERP", "ERP"),
        ("staging", "prod"),
        ("PO-7781", "PO-7782"),
        ("2025", "2026"),
        ("A", "B"),
        ("UK", "US"),
        ("", "ERP"),
        ("ERP", ""),
        ("e" * 101, "E" * 101),
    ],
)
def test_what_is_another_word_is_no_near_miss(seen: str, wanted: str) -> None:
    assert differences(seen, wanted) == ()


def test_what_takes_fewer_words_is_nearer_and_a_close_spelling_is_farthest() -> None:
    told = [differences("erp ", text) for text in ("ERP", "ER P")]
    assert [weight(one) for one in told] == [2, 3]
    assert weight(differences("Salesfource Inc", "Salesforce Incs")) > 3


@given(st.text(max_size=40), st.text(max_size=40))
def test_whatever_is_compared_something_is_said_only_of_different_texts(
    seen: str, wanted: str
) -> None:
    told = differences(seen, wanted)
    assert not (told and seen == wanted)
    assert all(told)
