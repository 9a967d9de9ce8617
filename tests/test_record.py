"""Records behave as frozen dataclasses do."""

import copy
import pickle
import re
from functools import cached_property

import pytest

from matcalc.record import Record


class Point(Record):
    x: int
    y: int = 0


class Vector(Record):
    x: int
    y: int


def test_fields_by_place_and_by_name():
    assert Point(1, 2) == Point(y=2, x=1) == Point(1, y=2)
    assert Point(1).y == 0
    assert repr(Point(1)) == "Point(x=1, y=0)"


def test_equal_are_records_of_one_class_with_equal_fields():
    assert Point(1, 2) != Point(1, 3)
    assert Point(1, 2) != Vector(1, 2)
    assert len({Point(1, 2), Point(1, 2), Point(2, 1)}) == 2


def test_fields_cannot_change():
    point = Point(1)
    for change in (
        lambda: setattr(point, "x", 2),
        lambda: setattr(point, "z", 2),
        lambda: delattr(point, "x"),
    ):
        with pytest.raises(AttributeError, match="Point is immutable"):
            change()
    assert point.replace(x=2) == Point(2)


@pytest.mark.parametrize("arguments", [(), (1, 2, 3)])
def test_fields_are_those_of_the_class(arguments):
    with pytest.raises(TypeError, match=re.escape("Vector has the fields x, y")):
        Vector(*arguments)
    with pytest.raises(TypeError, match=re.escape("Vector has the fields x, y")):
        Vector(1, z=2)


def test_records_match_by_place():
    match Point(1, 2):
        case Point(x, y):
            assert (x, y) == (1, 2)


def test_records_can_be_copied():
    vector = Vector(1, 2)
    assert copy.deepcopy(vector) == pickle.loads(pickle.dumps(vector)) == vector


class Circle(Point, eq=False):
    radius: int = 1

    @cached_property
    def diameter(self):
        return 2 * self.radius


def test_fields_of_a_base_come_first():
    assert repr(Circle(1, radius=3)) == "Circle(x=1, y=0, radius=3)"
    assert Circle(1, 2, 3).replace(y=5).y == 5


def test_what_is_computed_once_is_kept():
    circle = Circle(1)
    assert circle.diameter == 2
    assert vars(circle) == {"diameter": 2}
    with pytest.raises(AttributeError, match="Circle is immutable"):
        circle.center = 0
    assert not hasattr(Point(1), "__dict__")


def test_records_without_equality_are_equal_to_themselves_only():
    circle, twin = Circle(1), Circle(1)
    same = circle
    assert circle == same
    assert circle != twin
    assert len({Circle(1), Circle(1)}) == 2
