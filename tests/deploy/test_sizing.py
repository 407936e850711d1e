"""The pages on size say what follows from the figures they name."""

from tests.deploy import sizing

AGAIN = "`python -m tests.deploy.sizing` prints the tables that follow from the figures"


def test_the_how_to_says_what_follows_from_its_figures() -> None:
    text = sizing.SIZE.read_text()
    assert text.startswith("# Size a cluster"), "docs/how-to/size-a-cluster.md"
    assert sizing.worked(sizing.figures()) in text, AGAIN


def test_the_explanation_says_what_follows_from_the_same_figures() -> None:
    assert sizing.scaled(sizing.figures()) in sizing.SCALE.read_text(), AGAIN


def test_a_load_of_twice_the_events_needs_twice_of_all() -> None:
    figures = sizing.figures()
    one = sizing.need(sizing.Load(events=100), figures)
    two = sizing.need(sizing.Load(events=200), figures)
    for name in one.__struct_fields__:
        assert getattr(two, name) == 2 * getattr(one, name)


def test_an_amount_has_two_digits_that_matter() -> None:
    said = [sizing.amount(kb) for kb in (7.75, 77.5, 775, 2_900, 19_375, 1.3e9, 1.4e10)]
    assert said == ["7.8 KB", "78 KB", "775 KB", "2.9 MB", "19 MB", "1.3 TB", "14 TB"]
