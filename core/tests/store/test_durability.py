"""A writer that is killed at any moment loses no row that it has acknowledged."""

import subprocess
import sys
from datetime import UTC, datetime

import numpy as np
import pytest

from assay.store import open_store

WRITER = """
import sys
from datetime import UTC, datetime
import numpy as np
from assay.market.bars import Bars
from assay.store import open_store

store = open_store(sys.argv[1])
one = np.ones(1)
for number in range(1_000_000):
    at = np.array([number * 86_400_000], dtype="int64").astype("datetime64[ms]")
    store.write_bars("yahoo", "GC=F", "1d", Bars(at, one, one, one, one * (number + 1), one),
                     at=datetime.now(UTC))
    print(number, flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("acknowledged", [1, 2, 17, 60, 150])
def test_no_acknowledged_row_is_lost_to_a_kill(tmp_path, acknowledged):
    url = f"sqlite:///{tmp_path / 'assay.db'}"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE, text=True
    ) as writer:
        last = -1
        for line in writer.stdout:
            last = int(line)
            if last + 1 == acknowledged:
                writer.kill()
        assert last + 1 >= acknowledged
    store = open_store(url)
    bars = store.read_bars("yahoo", "GC=F", "1d")
    assert np.array_equal(bars.close[: last + 1], np.arange(1.0, last + 2.0))
    # the row under way may have been kept without its word having come through
    assert len(bars) in (last + 1, last + 2)
    assert store.writable()
    store.write_bars("yahoo", "GC=F", "1d", bars, at=datetime.now(UTC))
    store.close()
