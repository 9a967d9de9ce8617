"""What tests of the command line have in common."""

import io

import pytest

from matcalc import cli


@pytest.fixture
def run(capsys, monkeypatch):
    """Runs a command; returns exit code, standard output, standard error."""

    def call(*arguments, stdin=None):
        if stdin is not None:
            data = stdin if isinstance(stdin, bytes) else stdin.encode()
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        code = cli.main(list(arguments))
        streams = capsys.readouterr()
        return code, streams.out, streams.err

    return call
