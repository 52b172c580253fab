import pytest

from tfqnoise.export.boards import BOARDS, Board, table


def test_a_board_holds_what_fills_it():
    board = Board("a", 64, 16)
    assert board.holds(64 * 1024, 16 * 1024)
    assert not board.holds(64 * 1024 + 1, 16 * 1024)
    assert not board.holds(64 * 1024, 16 * 1024 + 1)


def test_the_table_has_a_row_for_each_board():
    rows = table(512 * 1024, 300 * 1024).splitlines()[1:]
    assert len(rows) == len(BOARDS)
    assert rows[0].split()[-6:] == ["1,024", "50%", "256", "117%", "doesn't", "fit"]
    ends = [row.split()[-5:] for row in rows if "STM32F746" in row]
    assert ends == [["1,024", "50%", "320", "94%", "fits"]]


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_boards_are_microcontrollers(board):
    assert 64 <= board.ram <= 1024 <= board.flash <= 16 * 1024
