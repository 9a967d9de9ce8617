"""The grammar, compiled once per user and grammar.

Compiling takes a third of a second, loading the compiled tables a tenth of that. The tables are kept
as JSON, not as a pickle: whatever stands in the cache, loading it runs nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import lark
from lark.grammar import Rule
from lark.lark import PostLex
from lark.lexer import TerminalDef, Token

from matcalc.syntax.builder import TreeBuilder
from matcalc.syntax.tokens import TokenStream

GRAMMAR = "matcalc.lark"
STARTS = ["program", "rule"]


class RawTerminals(PostLex):
    """Keeps the terminals that TokenStream relabels, which no rule of the grammar mentions.

    The others are kept so that they are seen whole where they are misplaced: ``a^b**c``.
    """

    always_accept = (
        "WORD",
        "DERIVED",
        "BARS",
        "BAR",
        "SEPARATOR",
        "POWER",
        "POINT_POWER",
        "_ARROW",
    )

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        """All tokens as they are: TokenStream, which knows the text, relabels them."""
        return stream


def grammar_text() -> str:
    """The grammar, from the installed package or, in a checkout that is not installed, its place."""
    try:
        return resources.files("matcalc.grammar").joinpath(GRAMMAR).read_text(encoding="utf-8")
    except ModuleNotFoundError:
        return (Path(__file__).parents[2] / "grammar" / GRAMMAR).read_text(encoding="utf-8")


@cache
def language() -> lark.Lark:
    """The parser, from the cache if possible."""
    text = grammar_text()
    options = {
        "transformer": TreeBuilder(),
        "postlex": RawTerminals(),
        "_plugins": {"LexerThread": TokenStream},
    }
    directory = cache_directory()
    version = f"{lark.__version__} {sys.version_info[:2]} {STARTS}\n"
    name = f"grammar-{hashlib.sha256((version + text).encode()).hexdigest()}.json"
    tables = _load(directory / name) if directory else None
    if tables is not None:
        return lark.Lark._load_from_dict(**tables, **options)  # type: ignore[no-any-return,no-untyped-call]  # noqa: SLF001
    parser = lark.Lark(
        text, parser="lalr", lexer="contextual", start=STARTS, maybe_placeholders=False, **options
    )
    if directory:
        _save(directory / name, parser)
    return parser


def cache_directory() -> Path | None:
    """The user's cache directory for matcalc, which need not exist; None for a user without one."""
    base = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    if base:
        return Path(base) / "matcalc"
    try:
        return Path("~/.cache").expanduser() / "matcalc"
    except RuntimeError:  # no home directory
        return None


def _load(path: Path) -> dict[str, Any] | None:
    """The tables, unless absent, unreadable, or cut short."""
    try:
        digest, _, payload = path.read_text(encoding="utf-8").partition("\n")
    except (OSError, UnicodeDecodeError):
        return None
    if hashlib.sha256(payload.encode()).hexdigest() != digest:
        return None
    tables: dict[str, Any] = json.loads(payload)
    table = tables["data"]["parser"]["parser"]
    # JSON has no integer keys.
    tables["memo"] = _integer_keys(tables["memo"])
    table["tokens"] = _integer_keys(table["tokens"])
    table["states"] = {int(s): _integer_keys(actions) for s, actions in table["states"].items()}
    return tables


def _integer_keys(mapping: dict[str, Any]) -> dict[int, Any]:
    return {int(key): value for key, value in mapping.items()}


def _save(path: Path, parser: lark.Lark) -> None:
    data, memo = parser.memo_serialize([TerminalDef, Rule])
    live = {"transformer", "postlex", "_plugins"}  # objects, given anew when the tables are loaded
    data["options"] = {key: o for key, o in data["options"].items() if key not in live}
    payload = json.dumps({"data": data, "memo": memo}, ensure_ascii=False)
    # A cache that cannot be written costs time only. The rename keeps readers from half a file.
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, suffix=".tmp", delete=False
        ) as file:
            file.write(hashlib.sha256(payload.encode()).hexdigest() + "\n" + payload)
        Path(file.name).replace(path)
