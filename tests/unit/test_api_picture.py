"""Pictures of the grid: colours tell states apart, however many there are."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tessera_api.picture import State, colours, png


def states(count: int) -> list[State]:
    """States that would all like the same colour, one cell each."""
    return [State({}, np.array([number * 7919]), (42, 157, 143)) for number in range(count)]


@pytest.mark.parametrize("count", [0, 1, 64, 255])
def test_red_tells_up_to_255_states_apart(count: int) -> None:
    some = states(count)
    chosen = colours(some)
    assert len({red for red, _, _ in chosen}) == count
    image = Image.open(io.BytesIO(png(some, chosen, {"legend": "é"})))
    assert image.mode == "P"
    assert image.text["legend"] == "é"  # type: ignore[attr-defined]
    pixels = np.asarray(image).ravel()
    coloured = np.asarray(image.convert("RGB")).reshape(-1, 3)
    for state, colour in zip(some, chosen, strict=True):
        assert pixels[state.cells[0]] == colour[0] > 0
        assert tuple(coloured[state.cells[0]]) == colour
    assert np.count_nonzero(pixels) == count


def test_red_and_green_tell_more_states_apart() -> None:
    some = states(700)
    chosen = colours(some)
    assert len({(red, green) for red, green, _ in chosen}) == 700
    assert all(red for red, _, _ in chosen)
    pixels = np.asarray(Image.open(io.BytesIO(png(some, chosen, {})))).reshape(-1, 3)
    for state, colour in zip(some, chosen, strict=True):
        assert tuple(pixels[state.cells[0]]) == colour
    assert np.count_nonzero(pixels[:, 0]) == 700


def test_colours_are_near_to_the_wish() -> None:
    for red, green, blue in colours(states(20)):
        assert abs(red - 42) <= 10
        assert (green, blue) == (157, 143)
