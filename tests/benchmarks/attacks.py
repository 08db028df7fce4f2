"""Repeat every attack on the project, one after the other, and end with 1 if one succeeded.

    python tests/benchmarks/attacks.py            # all of them, the fuzz for ten minutes
    python tests/benchmarks/attacks.py --fuzz 60  # the fuzz for one minute

Several writers of one file, processes that are killed, damaged files, a faulty server, keys that
are echoed, and mutated answers: each is a script of its own beside this one and prints what it
found.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main(fuzz: float = 600.0) -> int:
    """Run them; returns how many attacks succeeded or could not be run.

    Args:
        fuzz: seconds for the fuzz.
    """
    attacks = [
        ("attack_writers.py", ()),
        ("attack_damage.py", ()),
        ("attack_server.py", ()),
        ("attack_secrets.py", ()),
        ("attack_fuzz.py", (str(fuzz),)),
    ]
    bad = 0
    for script, arguments in attacks:
        print(f"-- {script}", flush=True)
        bad += subprocess.run([sys.executable, str(HERE / script), *arguments]).returncode != 0
    print(f"attacks that succeeded: {bad}")
    return bad


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fuzz", type=float, default=600.0, help="seconds for the fuzz")
    raise SystemExit(1 if main(parser.parse_args().fuzz) else 0)
