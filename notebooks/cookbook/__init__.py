"""What ``02_matrix_cookbook.ipynb`` shows: a book's claims, held against matcalc's derivatives."""

from .claims import Claim, Comparison
from .tables import Table, compare, counterexample

__all__ = ["Claim", "Comparison", "Table", "compare", "counterexample"]
