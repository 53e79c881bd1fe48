from __future__ import annotations

import pytest

from tests.timeline.casework import Casework


@pytest.fixture
def casework(installation):
    return Casework(installation.archive, installation.sequencer)
