"""Commands on a test's own installation."""

import pytest
from click.testing import CliRunner

from cli.main import main


@pytest.fixture
def holdfast(installation):
    """Runs one command, in the installation's environment and `other`; what it prints on standard output."""

    def run(*words, code=0, **other):
        environment = {**installation.environ, **other}
        result = CliRunner().invoke(main, [str(word) for word in words], env=environment)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result.stdout

    return run
