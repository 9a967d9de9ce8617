"""The import graph: a file imports only from its own package and from lower floors."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "matcalc"

FLOORS = {
    "errors": 0,
    "record": 0,
    "grammar": 1,
    "syntax": 1,
    "core": 2,
    "ops": 3,
    "passes": 4,
    "codegen": 5,
    "backends": 6,
    "derivation": 7,
    "derivation_lines": 7,
    "derivation_names": 7,
    "derivation_step": 7,
    "derivative": 7,
    "report": 7,
    "claim": 7,
    "formulas": 7,
    "partials": 7,
    "diagnose": 7,
    "equality": 7,
    "evidence": 7,
    "judge": 7,
    "verdict": 7,
    "api": 7,
    "arguments": 7,
    "gradients": 7,
    "self_check": 7,
    "wording": 7,
    "__init__": 7,
    "cli": 8,
    "cli_check": 8,
    "cli_repl": 8,
    "options": 8,
    "jupyter": 8,
    "__main__": 9,
}

#: Heavy packages, and the only floors that may name them. The command line answers without them.
HEAVY = {"sympy", "numpy", "jax", "torch", "scipy", "IPython"}

FILES = sorted(PACKAGE.rglob("*.py"))


def part_of(path):
    """``core`` for matcalc/core/expr.py, ``api`` for matcalc/api.py."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imports(path):
    """Absolute names of all modules imported anywhere in a file, type-checking blocks included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_parts(path):
    for name in imports(path):
        if name == "matcalc":
            yield "__init__"
        elif name.startswith("matcalc."):
            part = name.split(".")[1]
            if part in FLOORS:
                yield part


def test_every_part_has_a_floor():
    assert {part_of(path) for path in FILES} <= FLOORS.keys()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_downwards(path):
    here = part_of(path)
    for part in imported_parts(path):
        if part == "__init__" and path.name == "__init__.py":
            continue
        same_package = part == here and (PACKAGE / part).is_dir()
        allowed = FLOORS[part] < FLOORS[here] or same_package or (here, part) in SAME_FLOOR
        assert allowed, f"{here} (floor {FLOORS[here]}) imports {part} (floor {FLOORS[part]})"


#: Neighbours on one floor: the pipeline builds the result, which prints itself by the report.
SAME_FLOOR = {
    ("errors", "record"),
    ("api", "arguments"),
    ("derivation", "arguments"),
    ("api", "derivative"),
    ("api", "gradients"),
    ("api", "wording"),
    ("gradients", "derivative"),
    ("gradients", "wording"),
    ("gradients", "arguments"),
    ("formulas", "arguments"),
    ("__init__", "gradients"),
    ("derivative", "wording"),
    ("wording", "report"),
    ("derivation", "derivative"),
    ("derivation", "derivation_lines"),
    ("derivation", "derivation_step"),
    ("derivation_lines", "derivation_names"),
    ("derivation_lines", "derivation_step"),
    ("derivation_lines", "derivative"),
    ("derivation_lines", "report"),
    ("derivation_names", "derivative"),
    ("derivation_names", "report"),
    ("derivative", "derivation"),
    ("derivative", "derivation_step"),
    ("api", "report"),
    ("formulas", "derivative"),  # for its type only
    ("formulas", "gradients"),  # for its type only
    ("derivative", "formulas"),
    ("gradients", "formulas"),
    ("derivative", "report"),
    ("derivative", "self_check"),
    ("self_check", "derivative"),
    ("report", "derivative"),  # for its type only
    ("claim", "api"),
    ("claim", "report"),
    ("equality", "claim"),
    ("equality", "diagnose"),
    ("equality", "evidence"),
    ("evidence", "report"),
    ("equality", "verdict"),
    ("equality", "wording"),
    ("claim", "partials"),
    ("partials", "report"),
    ("partials", "wording"),
    ("judge", "api"),
    ("judge", "arguments"),
    ("judge", "claim"),
    ("judge", "derivative"),
    ("judge", "diagnose"),
    ("judge", "evidence"),
    ("judge", "report"),
    ("judge", "verdict"),
    ("verdict", "derivative"),
    ("verdict", "report"),
    ("cli", "cli_check"),
    ("cli", "cli_repl"),
    ("cli", "options"),
    ("cli_check", "options"),
    ("cli_repl", "options"),
    ("jupyter", "cli"),
    ("jupyter", "options"),
    ("__init__", "api"),
    ("__init__", "derivative"),
    ("__init__", "equality"),
    ("__init__", "judge"),
    ("__init__", "verdict"),
}


def test_no_neighbours_are_named_in_vain():
    assert {(part_of(path), part) for path in FILES for part in imported_parts(path)} >= SAME_FLOOR


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_packages_stay_in_the_backends(path):
    named = {name.split(".")[0] for name in imports(path)} & HEAVY
    if part_of(path) == "jupyter":
        named -= {"IPython"}
    assert not named or part_of(path) in ("backends", "codegen"), f"{path} imports {named}"


def test_no_import_cycles_between_files():
    graph = {module_name(path): runtime_imports(path) for path in FILES}
    done = set()
    for start, imported in graph.items():
        stack = [(start, iter(imported))]
        active = [start]
        while stack:
            node, rest = stack[-1]
            following = next((n for n in rest if n in graph and n not in done), None)
            if following is None:
                done.add(node)
                stack.pop()
                active.pop()
                continue
            assert following not in active, f"import cycle: {' -> '.join([*active, following])}"
            stack.append((following, iter(graph[following])))
            active.append(following)


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def runtime_imports(path):
    """Modules imported when the file is: neither inside functions nor for type checking only."""
    names = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    # A package's __init__ names its own modules; importing a package is not a cycle with them.
    own = module_name(path)
    return [name for name in names if name != own and not own.startswith(f"{name}.")]
