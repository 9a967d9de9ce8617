"""The compiled grammar and its cache."""

import json
import os
import stat
import subprocess
import sys

import pytest

from matcalc.syntax import language as module
from matcalc.syntax.parser import parse_program


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache of one's own, with the grammar not yet loaded."""
    monkeypatch.setattr(module, "cache_directory", lambda: str(tmp_path / "cache"))
    module.language.cache_clear()
    yield tmp_path / "cache"
    module.language.cache_clear()


def tree_of(text):
    module.language.cache_clear()
    return parse_program(text, frozenset({"tr"}))


TEXT = "A: (n, n) symmetric; 1/2 ||x||_2^2 + tr(A)"


def test_tables_from_the_cache_read_the_same(cache):
    fresh = tree_of(TEXT)
    (file,) = cache.iterdir()
    written = file.stat().st_mtime_ns
    assert tree_of(TEXT) == fresh
    assert file.stat().st_mtime_ns == written


def test_the_cache_is_data_for_its_owner_only(cache):
    tree_of(TEXT)
    (file,) = cache.iterdir()
    json.loads(file.read_text(encoding="utf-8").partition("\n")[2])
    if sys.platform != "win32":
        assert stat.S_IMODE(cache.stat().st_mode) == 0o700
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_lark_is_loaded_to_compile_the_grammar_only(tmp_path):
    variable = "LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME"
    code = "import sys; from matcalc import parse; parse('x'); print('lark' in sys.modules)"
    found = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, variable: str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for _ in range(2)
    ]
    assert found == ["True", "False"]


@pytest.mark.parametrize("damage", [b"", b"junk", b"\xff\xfe", b"0\n{}"])
def test_a_damaged_cache_is_written_anew(cache, damage):
    fresh = tree_of(TEXT)
    (file,) = cache.iterdir()
    file.write_bytes(damage)
    assert tree_of(TEXT) == fresh
    assert len(file.read_bytes()) > 10_000


def test_a_cache_cut_short_is_not_read(cache):
    fresh = tree_of(TEXT)
    (file,) = cache.iterdir()
    file.write_bytes(file.read_bytes()[:-100])
    assert tree_of(TEXT) == fresh


@pytest.mark.usefixtures("cache")
def test_no_cache_directory_can_be_made(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(module, "cache_directory", lambda: str(tmp_path / "file" / "cache"))
    assert tree_of(TEXT).statements


def test_the_cache_lies_with_the_user(monkeypatch, tmp_path):
    variable = "LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME"
    monkeypatch.setenv(variable, str(tmp_path))
    assert module.cache_directory() == str(tmp_path / "matcalc")


def test_without_a_home_there_is_no_cache(monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    # What Python returns where there is no home directory.
    monkeypatch.setattr(module.os.path, "expanduser", lambda path: path)
    assert module.cache_directory() is None
