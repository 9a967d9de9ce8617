"""What starting costs: SymPy and NumPy are loaded only where they are used."""

import subprocess
import sys

import pytest

HEAVY = {"sympy", "numpy", "scipy", "jax", "torch", "IPython"}


#: What dataclasses take to be defined, a fifth of a start; and the generator of the parser.
SLOW = {"dataclasses", "inspect", "lark"}


def loaded(code, packages=HEAVY):
    """Those of the packages in ``sys.modules`` after running ``code`` in a fresh interpreter."""
    script = f"{code}\nimport sys\nprint('loaded:', *sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(result.stdout.rpartition("loaded:")[2].split()) & packages


def test_import_is_light():
    assert loaded("import matcalc") == set()


@pytest.mark.parametrize(
    "arguments",
    [
        ["diff", "x' A x", "x", "--no-check"],
        ["diff", "W x + b", "W", "--no-check"],
        ["diff", "x' A x", "x", "--order", "2", "--no-check", "--format", "json"],
        ["diff", "logdet(X)", "X", "--no-check", "--format", "latex"],
        ["diff", "x' A x", "x", "--no-check", "--code", "numpy"],
        ["shapes", "W x + b"],
        ["rules"],
        ["--version"],
    ],
    ids=" ".join,
)
def test_command_line_is_light(arguments):
    assert loaded(f"from matcalc.cli import main\nassert main({arguments}) == 0") == set()


def test_bad_input_is_light():
    code = "import matcalc\ntry: matcalc.diff('A x', 'y')\nexcept matcalc.MatcalcError: pass"
    assert loaded(code) == set()


def test_the_check_loads_sympy():
    code = "from matcalc.cli import main\nassert main(['diff', \"x' A x\", 'x']) == 0"
    assert "sympy" in loaded(code)


def test_an_answer_on_the_command_line_takes_no_dataclass():
    arguments = ["diff", "sum(tanh(W x))", "--no-check"]
    code = f"from matcalc.cli import main\nassert main({arguments}) == 0"
    loaded(code)  # the first run ever compiles the grammar
    assert loaded(code, SLOW) == set()
