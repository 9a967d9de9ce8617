"""Properties of values: which imply which, and the rules by which an operation hands them on.

Properties of square matrices are those of a declaration (``symmetric``, ``spd``, ...). ``positive``,
``nonnegative`` and ``nonzero`` say something of every entry. A scalar is a matrix of one entry: it is
``spd`` if positive and ``invertible`` if not zero. It has none of the properties that say which
entries are zero, since it stands for an array with all entries equal to it in ``2 A``.
"""

from __future__ import annotations

from functools import cache

from matcalc.core.dim import Shape
from matcalc.record import Record

Properties = frozenset[str]

#: What is known of the entries of an array of whatever shape.
ENTRYWISE = frozenset({"positive", "nonnegative", "nonzero"})

#: Which properties follow from others, ``premises -> conclusions``.
IMPLICATIONS = (
    "positive -> nonnegative nonzero",
    "nonnegative nonzero -> positive",
    "spd -> psd invertible",
    "psd invertible -> spd",
    "psd -> symmetric",
    "orthogonal -> invertible",
    "diagonal -> symmetric lower_triangular upper_triangular",
    "lower_triangular upper_triangular -> diagonal",
    "lower_triangular symmetric -> diagonal",
    "upper_triangular symmetric -> diagonal",
    "diagonal nonnegative -> psd",
)

#: The same for scalars.
SCALAR_IMPLICATIONS = (
    "-> symmetric toeplitz",
    "psd -> nonnegative",
    "spd -> positive",
    "invertible -> nonzero",
    "nonnegative -> psd",
    "positive -> spd",
    "nonzero -> invertible",
)

_OF_SCALARS = ENTRYWISE | {"symmetric", "toeplitz", "psd", "spd", "invertible"}


class PropertyRule(Record):
    """``psd, some spd -> spd``: if every argument is psd and some argument spd, the result is spd.

    Words that follow each other must all hold: ``diagonal spd -> spd``. Without premises the
    conclusions always hold.
    """

    every: Properties
    some: Properties
    conclusions: Properties

    @staticmethod
    @cache
    def read(text: str) -> PropertyRule:
        """The rule that a text says."""
        left, _, right = text.partition("->")
        every: set[str] = set()
        some: set[str] = set()
        for premise in left.split(","):
            words = premise.split()
            if words[:1] == ["some"]:
                # Several words could be had by several arguments.
                [word] = words[1:]
                some.add(word)
            else:
                every.update(words)
        return PropertyRule(frozenset(every), frozenset(some), frozenset(right.split()))

    def applies(self, every: Properties, some: Properties) -> bool:
        """Whether the premises hold, given what all arguments have and what one of them has."""
        return self.every <= every and self.some <= some


def closed(found: Properties, shape: Shape) -> Properties:
    """The properties with all that they imply for a value of this shape."""
    is_scalar = all(dim.is_unit for dim in shape)
    if not is_scalar and (len(shape) != 2 or shape[0] != shape[1]):
        found &= ENTRYWISE
    return _grown(found, is_scalar)


@cache
def _grown(found: Properties, is_scalar: bool) -> Properties:
    texts = [*IMPLICATIONS, *(SCALAR_IMPLICATIONS if is_scalar else ())]
    rules = [PropertyRule.read(text) for text in texts]
    while True:
        more = found.union(*(r.conclusions for r in rules if r.applies(found, frozenset())))
        if more == found:
            return found & _OF_SCALARS if is_scalar else found
        found = more
