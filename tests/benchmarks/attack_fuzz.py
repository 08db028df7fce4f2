"""Feed every reader what mutation makes of the corpus: answers, streams, errors, texts of models
and files. Nothing may be raised but an `AgentkitError`, and nothing may take two seconds.

    python -m tests.benchmarks.attack_fuzz 600
"""

from __future__ import annotations

import json
import logging
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import agentkit as ak
from agentkit.errors import AgentkitError

ROOT = Path(__file__).parents[1] / "corpus"
LIMIT = 2.0
"""Seconds of processor time that no example may take."""
ODD = (
    *("null", "true", "-1", "1e999", "NaN", "0", "[]", "{}", '""', '"\\ud800"', "9" * 400),
    *('"' + "x" * 5000 + '"', "[" * 300 + "]" * 300, '{"a":' * 200 + "1" + "}" * 200),
    *('{"error":{"code":429,"message":"slow"}}', '[{"error":"x"}]', '"error"', "\x00", "\r"),
    *("<tool_call>", "</tool_call>", "<think>", "</think>", "<|im_end|>", "```json\n", "data: "),
    *("\n\n", "event: error\n", "error: ", ":", "\u2028", "\ufeff", "\U0001f600", "\\", '"', "}{"),
)
"""What a mutation puts in."""
_VALUE = re.compile(r'"(?:[^"\\]|\\.){0,200}"|-?\d+(?:\.\d+)?|\btrue\b|\bfalse\b|\bnull\b')


def texts(data: Any) -> Iterator[str]:
    """Find the texts of some length in a case of the corpus, and the case's own bodies."""
    if isinstance(data, str) and len(data) > 10:
        yield data
    elif isinstance(data, dict):
        for key, value in data.items():
            if key in ("body", "request", "message") and isinstance(value, (dict, list)):
                yield json.dumps(value)
            yield from texts(value)
    elif isinstance(data, list):
        for item in data:
            yield from texts(item)


def seeds() -> list[str]:
    """Collect what is mutated: the bodies, streams and texts of the corpus, and its files."""
    found: list[str] = []
    for path in sorted(ROOT.rglob("*.json*")):
        text = path.read_text("utf-8", errors="replace")
        for line in text.splitlines()[:200] if path.suffix == ".jsonl" else [text]:
            try:
                found += texts(json.loads(line))
            except ValueError:
                found.append(line)
    return sorted({text[:20_000] for text in found})


def files() -> list[bytes]:
    """Collect files whose loading is tried: cassettes and captures."""
    paths = [p for p in sorted(ROOT.rglob("*.jsonl")) if p.stat().st_size < 300_000]
    return [path.read_bytes() for path in paths]


def mutated(text: str, others: list[str], chance: random.Random) -> str:
    """Change a text a few times, at random."""
    for _ in range(chance.randint(1, 4)):
        a, b = sorted(chance.randint(0, len(text)) for _ in range(2))
        match chance.randrange(9):
            case 0:
                text = text[:a] + text[b:]
            case 1:
                text = text[:a] + chance.choice(ODD) + text[a:]
            case 2:
                text = text[:b] + text[a:]
            case 3:
                other = chance.choice(others)
                text = text[:a] + other[chance.randint(0, len(other)) :] + text[b:]
            case 4:
                text = text[:b]
            case 5:
                text = text[:a] + text[a : a + 40] * chance.choice((2, 50, 2000)) + text[a:]
            case 6:
                text = with_value(text, chance.choice(ODD), chance)
            case 7:
                text = text.replace("\n", chance.choice(("\r\n", "\r", "", "\n\n")))
            case _:
                text = (
                    text[:a] + chr(chance.choice((0, 9, 27, 34, 92, 123, 0xD800))) + text[a + 1 :]
                )
    return text[:400_000]


def with_value(text: str, value: str, chance: random.Random) -> str:
    """Put another value in place of one of the JSON values in a text."""
    spots = [match.span() for match in _VALUE.finditer(text[:20_000])]
    if not spots:
        return text + value
    a, b = chance.choice(spots)
    return text[:a] + value + text[b:]


def as_data(text: str) -> Any:
    """Parse a text as JSON; the text itself where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def in_pieces(text: str, chance: random.Random) -> list[bytes]:
    """Cut a text's bytes at random places."""
    data = text.encode(errors="surrogatepass")
    cuts = sorted(chance.randint(0, len(data)) for _ in range(chance.randint(0, 12)))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {}}}]


def readers(folder: Path, chance: random.Random) -> dict[str, Callable[[str], Any]]:
    """Name what is tried, each a function of a text."""
    names = list(ak.parsers.names())
    statuses = (None, 200, 400, 404, 429, 500, 503, 0, -1, 10**30)

    def load(text: str) -> Any:
        path = folder / "damaged.jsonl"
        path.write_bytes(text.encode(errors="surrogatepass"))
        return ak.load(path, all=True)

    def parse(text: str) -> Any:
        return ak.parsers.get_parser(chance.choice(names)).parse(text, tools=TOOLS)

    return {
        "read_response of a text": lambda text: ak.read_response(text, TOOLS),
        "read_response of data": lambda text: ak.read_response(as_data(text), policy="repair"),
        "read_response of bytes": lambda text: ak.read_response(text.encode(errors="replace")),
        "read_stream": lambda text: ak.read_stream(in_pieces(text, chance), TOOLS),
        "read_stream of data": lambda text: ak.read_stream([as_data(text), as_data(text)]),
        "read_error": lambda text: ak.read_error(chance.choice(statuses), {"a": text[:50]}, text),
        "read_error of data": lambda text: ak.read_error(None, None, as_data(text)),
        "parse": parse,
        "reasoning": lambda text: ak.parsers.get_reasoning_parser("qwen3").parse(text),
        "load": load,
    }


def warm(each: dict[str, Callable[[str], Any]], recorded: list[bytes]) -> None:
    """Let everything be imported that reading needs, which is not what is timed."""
    for name, read in each.items():
        for data in recorded if name == "load" else recorded[:2]:
            try:
                read(data.decode())
            except AgentkitError:
                continue


def main(seconds: float = 600, seed: int | None = None) -> dict[str, Any]:
    """Try mutations for so long, and print what came of it.

    Args:
        seconds: how long to try.
        seed: of the random choices; None takes the clock.
    """
    seed = int(time.time()) if seed is None else seed
    logging.getLogger("agentkit").setLevel(logging.CRITICAL)  # each damaged line has a warning
    chance, corpus, recorded = random.Random(seed), seeds(), files()
    tried: Counter[str] = Counter()
    raised: list[tuple[str, str, str]] = []
    slowest = (0.0, "", "")
    over: list[tuple[float, str, str]] = []
    with tempfile.TemporaryDirectory() as folder:
        each = readers(Path(folder), chance)
        warm(each, recorded)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            name = chance.choice(list(each))
            text = chance.choice(corpus)
            if name == "load":
                text = chance.choice(recorded).decode()
            text = mutated(text, corpus, chance)
            began = time.process_time()  # another program on the machine is not what is slow
            try:
                each[name](text)
            except AgentkitError:
                pass
            except Exception as exc:
                raised.append((name, f"{type(exc).__name__}: {str(exc)[:150]}", text))
            took = time.process_time() - began
            tried[name] += 1
            if took > slowest[0]:
                slowest = (took, name, text)
            if took > LIMIT:
                over.append((took, name, text))
    report(seed, tried, raised, over, slowest)
    return {"examples": sum(tried.values()), "raised": raised, "over": over, "slowest": slowest}


def report(
    seed: int,
    tried: Counter[str],
    raised: list[tuple[str, str, str]],
    over: list[tuple[float, str, str]],
    slowest: tuple[float, str, str],
) -> None:
    """Print the numbers, and an example of each thing that went wrong."""
    print(f"seed {seed}: {sum(tried.values())} examples; {dict(tried.most_common())}")
    print(f"raised something else than AgentkitError: {len(raised)}")
    for (name, what), count in Counter((name, what) for name, what, _ in raised).most_common(10):
        example = next(text for n, w, text in raised if (n, w) == (name, what))
        print(f"  {count} × {name}: {what}: {example[:200]!r}")
    print(f"over {LIMIT:g} s: {len(over)}; slowest {slowest[0]:.2f} s: {slowest[1]}")
    for took, name, text in over[:5]:
        print(f"  {took:.1f} s {name}, {len(text)} characters: {text[:200]!r}")


if __name__ == "__main__":
    outcome = main(float(sys.argv[1]) if len(sys.argv) > 1 else 600)
    raise SystemExit(1 if outcome["raised"] or outcome["over"] else 0)
