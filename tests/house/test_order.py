"""The files of tests are handed out so that no process ends long after the others."""

from __future__ import annotations

from typing import Any

from tests.support.order import spread


class Made:
    """A test of a file, with the marks that it bears."""

    def __init__(self, file: str, number: int, *marks: str) -> None:
        self.nodeid = f"{file}::test_{number}"
        self.marks = marks

    def get_closest_marker(self, name: str) -> str | None:
        return name if name in self.marks else None


def files(*tests: Made) -> list[str]:
    """Give the files in the order in which they are handed out."""
    given: Any = tests
    return list(dict.fromkeys(item.nodeid.partition("::")[0] for item in spread(given)))


def many(file: str, number: int, *marks: str) -> list[Made]:
    return [Made(file, each, *marks) for each in range(number)]


def test_few_long_tests_come_before_many_short_ones() -> None:
    assert files(*many("short", 50), *many("long", 5, "slow")) == ["long", "short"]


def test_those_that_wait_are_spread_among_those_that_work() -> None:
    waiting = [test for n in range(4) for test in many(f"page{n}", 2, "browser", "slow")]
    working = [test for n in range(4) for test in many(f"work{n}", 9, "slow")]
    order = files(*working, *waiting)
    assert sorted(order) == sorted({test.nodeid.partition("::")[0] for test in waiting + working})
    assert all(
        {a[:4], b[:4]} == {"page", "work"} for a, b in zip(order[::2], order[1::2], strict=True)
    )


def test_the_tests_of_a_file_stay_together_as_they_are() -> None:
    tests = [*many("a", 3), *many("b", 2, "browser"), *many("c", 3)]
    given: Any = tests
    for file in "abc":
        places = [n for n, item in enumerate(spread(given)) if item.nodeid.startswith(file)]
        assert places == list(range(places[0], places[0] + len(places)))
        found = [item.nodeid for item in spread(given) if item.nodeid.startswith(file)]
        assert found == [test.nodeid for test in tests if test.nodeid.startswith(file)]
