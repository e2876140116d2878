"""A few of many things, spread evenly."""

from ladid_bench.core.spreading import end_to_end, evenly_spread


def test_a_few_of_many_are_spread_evenly() -> None:
    """Of ten things four are at 0, 10/4, 20/4 and 30/4, rounded down; with both ends at 0, 3, 6 and 9."""
    assert evenly_spread(10, 4).tolist() == [0, 2, 5, 7]
    assert end_to_end(10, 4).tolist() == [0, 3, 6, 9]


def test_where_there_are_no_more_all_are_taken() -> None:
    for pick in (evenly_spread, end_to_end):
        assert pick(3, 5).tolist() == [0, 1, 2]
        assert pick(1, 5).tolist() == [0]
