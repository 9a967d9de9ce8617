"""The grammar, compiled once per user and grammar.

Compiling takes a third of a second, loading the compiled tables a hundredth of that, without Lark. The
tables are kept as JSON, not as a pickle: whatever stands in the cache, loading it runs nothing.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from functools import cache
from importlib.util import find_spec, source_hash
from pathlib import Path

from matcalc.syntax.builder import TreeBuilder
from matcalc.syntax.lalr import Parser
from matcalc.syntax.scanner import Scanner
from matcalc.syntax.tables import ALWAYS, FORMAT, STARTS, Tables

GRAMMAR = "matcalc.lark"


def grammar_text() -> str:
    """The grammar, from the installed package or, in a checkout that is not installed, its place."""
    package = find_spec("matcalc.grammar")
    if package is None or package.origin is None:
        return (Path(__file__).parents[2] / "grammar" / GRAMMAR).read_text(encoding="utf-8")
    return Path(package.origin).with_name(GRAMMAR).read_text(encoding="utf-8")


@cache
def language() -> tuple[Parser, Scanner]:
    """The parser and the scanner."""
    tables = _tables(grammar_text())
    return Parser(tables, TreeBuilder()), Scanner(tables)


def _tables(grammar: str) -> Tables:
    """The tables for a grammar, from the cache if possible."""
    directory = cache_directory()
    key = _digest(f"{FORMAT} {STARTS} {ALWAYS}\n{grammar}")
    path = directory / f"grammar-{key}.json" if directory else None
    tables = _load(path) if path else None
    if tables is None:
        from matcalc.syntax.compile import compiled

        tables = compiled(grammar)
        if path:
            _save(path, tables)
    return tables


def cache_directory() -> Path | None:
    """The user's cache directory for matcalc, which need not exist; None for a user without one."""
    base = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    if base:
        return Path(base) / "matcalc"
    try:
        return Path("~/.cache").expanduser() / "matcalc"
    except RuntimeError:  # no home directory
        return None


def _load(path: Path) -> Tables | None:
    """The tables, unless absent, unreadable, or cut short."""
    try:
        digest, _, payload = path.read_text(encoding="utf-8").partition("\n")
    except (OSError, UnicodeDecodeError):
        return None
    return Tables.from_json(json.loads(payload)) if digest == _digest(payload) else None


def _save(path: Path, tables: Tables) -> None:
    from tempfile import NamedTemporaryFile

    payload = json.dumps(tables.as_json(), ensure_ascii=False)
    # A cache that cannot be written costs time only. The rename keeps readers from half a file.
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, suffix=".tmp", delete=False
        ) as file:
            file.write(f"{_digest(payload)}\n{payload}")
        Path(file.name).replace(path)


def _digest(text: str) -> str:
    """The hash by which Python tells whether bytecode is up to date; hashlib takes 5 ms to load."""
    return source_hash(text.encode()).hex()
