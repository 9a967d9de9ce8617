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

from matcalc.syntax.builder import TreeBuilder
from matcalc.syntax.lalr import Parser
from matcalc.syntax.scanner import Scanner
from matcalc.syntax.tables import ALWAYS, FORMAT, STARTS, Tables

GRAMMAR = "matcalc.lark"


def grammar_text() -> str:
    """The grammar, from the installed package or, in a checkout that is not installed, its place."""
    package = find_spec("matcalc.grammar")
    if package is None or package.origin is None:
        folder = os.path.join(os.path.dirname(__file__), "..", "..", "grammar")
    else:
        folder = os.path.dirname(package.origin)
    return _contents(os.path.join(folder, GRAMMAR))


@cache
def language() -> tuple[Parser, Scanner]:
    """The parser and the scanner."""
    tables = _tables(grammar_text())
    return Parser(tables, TreeBuilder()), Scanner(tables)


def _tables(grammar: str) -> Tables:
    """The tables for a grammar, from the cache if possible."""
    directory = cache_directory()
    key = _digest(f"{FORMAT} {STARTS} {ALWAYS}\n{grammar}")
    path = os.path.join(directory, f"grammar-{key}.json") if directory else None
    tables = _load(path) if path else None
    if tables is None:
        from matcalc.syntax.compile import compiled

        tables = compiled(grammar)
        if path:
            _save(path, tables)
    return tables


def cache_directory() -> str | None:
    """The user's cache directory for matcalc, which need not exist; None for a user without one."""
    base = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    base = base or os.path.expanduser("~/.cache")
    return None if base.startswith("~") else os.path.join(base, "matcalc")


def _load(path: str) -> Tables | None:
    """The tables, unless absent, unreadable, or cut short."""
    try:
        digest, _, payload = _contents(path).partition("\n")
    except (OSError, UnicodeDecodeError):
        return None
    return Tables.from_json(json.loads(payload)) if digest == _digest(payload) else None


def _save(path: str, tables: Tables) -> None:
    from tempfile import NamedTemporaryFile

    payload = json.dumps(tables.as_json(), ensure_ascii=False)
    folder = os.path.dirname(path)
    # A cache that cannot be written costs time only. The rename keeps readers from half a file.
    with suppress(OSError):
        os.makedirs(folder, mode=0o700, exist_ok=True)
        with NamedTemporaryFile(
            "w", encoding="utf-8", dir=folder, suffix=".tmp", delete=False
        ) as file:
            file.write(f"{_digest(payload)}\n{payload}")
        os.replace(file.name, path)


def _contents(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def _digest(text: str) -> str:
    """The hash by which Python tells whether bytecode is up to date; hashlib takes 5 ms to load."""
    return source_hash(text.encode()).hex()
