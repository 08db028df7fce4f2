"""Attack the record with keys: each way to give one, each way to have it echoed, all outputs.

    python tests/benchmarks/attack_secrets.py            # every pair of ways
    python tests/benchmarks/attack_secrets.py 90         # so many

It prints how many ways and outputs there were, and every hit.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support.secret_attack import attack, ways


def main(count: int | None = None) -> int:
    """Print ways, outputs and hits; return the number of hits."""
    found, outputs = 0, 0
    pairs = ways(count)
    for given, echoed in pairs:
        with (
            tempfile.TemporaryDirectory() as folder,
            pytest.MonkeyPatch.context() as patch,
            contextlib.redirect_stdout(io.StringIO()),
        ):
            hits = attack(given, echoed, Path(folder), patch)
        outputs = int(hits.pop("")[0])
        for output, pieces in hits.items():
            found += 1
            print(f"{given} / {echoed}: {output}: …{pieces[0]!r}…")
    print(f"{len(pairs)} ways x {outputs} outputs: {found} hits")
    return found


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else None) != 0)
