"""The parsers against what the real ones answered, with every deliberate difference named; and the
package's own names and promises.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import agentkit as ak
from agentkit.errors import NotFound, UsageError
from agentkit.read.parsers.formats.call_formats import CANONICAL
from agentkit.read.parsers.output import Parsed
from agentkit.types.answer import Policy
from tests.read.parsers.call_formats import WRITTEN, tools_for
from tests.support.paths import CORPUS

DIFFERENCES = json.loads((CORPUS / "parsers" / "differences.json").read_text(encoding="utf-8"))
WEATHER = ("get_weather", {"city": "Oslo", "days": 3})


def rows(name: str) -> Iterator[dict[str, Any]]:
    with open(CORPUS / "parsers" / f"{name}.jsonl", encoding="utf-8") as file:
        yield from map(json.loads, file)


TOOL_ROWS = {f"{row['parser']}/{row['id']}": row for row in rows("tool_calls")}
REASONING_ROWS = {f"{row['engine']}/{row['parser']}/{row['id']}": row for row in rows("reasoning")}


def value(text: str) -> Any:
    """Arguments as the server gave them: mostly JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def stripped(text: str | None) -> str:
    return (text or "").strip()


def exact(value: Any) -> Any:
    """The value so that `==` tells true from 1; 1.0 is 1."""
    if isinstance(value, list):
        return [exact(item) for item in value]
    if isinstance(value, dict):
        return {key: exact(item) for key, item in value.items()}
    return f"<{value}>" if isinstance(value, bool) else value


def runnable(parsed: Parsed) -> list[list[Any]]:
    return [[call.name, call.arguments] for call in parsed.tool_calls if call.valid]


def observed(row: dict[str, Any]) -> tuple[list[list[Any]], set[str]]:
    """The calls the real parser found, and its content: by itself, and (where it differs) as the
    server sent it.
    """
    calls = [[call["name"], value(call["arguments"])] for call in row["expected"]["tool_calls"]]
    answers = [row["expected"], *([row["served"]] if row.get("served") and row["tools"] else [])]
    return calls, {stripped(answer["content"]) for answer in answers}


@pytest.mark.parametrize("key", TOOL_ROWS)
def test_calls_are_those_of_the_real_parser(key: str) -> None:
    row = TOOL_ROWS[key]
    for name in (row["parser"], *row.get("aliases", ())):
        parsed = ak.parsers.get_parser(name).parse(row["input"], row["tools"])
        calls, contents = observed(row)
        if key in DIFFERENCES["tool_calls"]:
            ours = DIFFERENCES["tool_calls"][key]
            assert (
                exact(calls) != exact(ours["calls"]) or stripped(ours["content"]) not in contents
            ), "this is no difference"
            calls, contents = ours["calls"], {stripped(ours["content"])}
            assert [
                [c.name, c.problems[0].code] for c in parsed.tool_calls if not c.valid
            ] == ours.get("invalid", [])
        assert exact(runnable(parsed)) == exact(calls)
        assert stripped(parsed.content) in contents
        assert parsed.content is None or parsed.content.strip() or parsed.content == row["input"]


CONSTRUCTED = list(rows("constructed_calls"))
"""Texts made for these tests, each with what vLLM 0.33's own parser answered: the scenarios of the
samples, and values of many forms by schemas of many forms. Those on which the two differ by a rule
of ours are left out."""


@pytest.mark.parametrize("name", sorted({row["parser"] for row in CONSTRUCTED}))
def test_constructed_texts_are_read_as_the_real_parser_reads_them(name: str) -> None:
    for row in (row for row in CONSTRUCTED if row["parser"] == name):
        parsed = ak.parsers.get_parser(name).parse(row["input"], row["tools"])
        calls, contents = observed(row)
        assert exact(runnable(parsed)) == exact(calls), row["id"]
        assert stripped(parsed.content) in contents, row["id"]
        if parsed.tool_calls and parsed.content is not None and "array" not in row["id"]:
            assert parsed.content == row["expected"]["content"], row["id"]


SGLANG = list(rows("sglang_calls"))
"""Texts made for these tests, each with what SGLang 0.5.23's own detector answered; first those
that vLLM reads otherwise.
"""


@pytest.mark.parametrize("name", sorted({row["parser"] for row in SGLANG}))
def test_sglang_reads_under_its_own_name(name: str) -> None:
    for row in (row for row in SGLANG if row["parser"] == name):
        parsed = ak.parsers.get_parser(f"sglang/{name}").parse(row["input"], row["tools"])
        calls, contents = observed(row)
        assert exact(runnable(parsed)) == exact(calls), row["id"]
        assert stripped(parsed.content) in contents, row["id"]


@pytest.mark.parametrize("key", REASONING_ROWS)
def test_reasoning_is_that_of_the_real_parser(key: str) -> None:
    row = REASONING_ROWS[key]
    name = row["parser"] if row["engine"] == "vllm" else f"sglang/{row['parser']}"
    reasoning, content = ak.parsers.get_reasoning_parser(name).parse(row["input"])
    expected = DIFFERENCES["reasoning"].get(key, row["expected"])
    assert (stripped(reasoning), stripped(content)) == (
        stripped(expected["reasoning"]),
        stripped(expected["content"]),
    )
    assert reasoning != ""
    assert content != ""


def test_every_difference_is_one_and_has_a_reason() -> None:
    assert set(DIFFERENCES["tool_calls"]) <= set(TOOL_ROWS)
    assert set(DIFFERENCES["reasoning"]) <= set(REASONING_ROWS)
    reasons = {
        entry["reason"]
        for kind in ("tool_calls", "reasoning")
        for entry in DIFFERENCES[kind].values()
    }
    assert reasons == set(DIFFERENCES["reasons"])
    for key, entry in DIFFERENCES["tool_calls"].items():
        assert is_true(entry, TOOL_ROWS[key]), key
    for key, entry in DIFFERENCES["reasoning"].items():
        theirs = REASONING_ROWS[key]["expected"]
        assert any(
            stripped(theirs[part]) != stripped(entry[part]) for part in ("reasoning", "content")
        )


def is_true(entry: dict[str, Any], row: dict[str, Any]) -> bool:
    """Whether the reason given for a difference fits the two answers."""
    theirs, contents = observed(row)
    ours = [exact(call) for call in entry["calls"]]
    faults = [code for _, code in entry.get("invalid", ())]
    match entry["reason"]:
        case "text_kept":
            return ours == exact(theirs) and any(
                len(stripped(entry["content"])) > len(content) for content in contents
            )
        case "good_call_recovered" | "unknown_kept":
            return len(ours) >= len(theirs) and all(
                name in [call[0] for call in ours] for name, _ in theirs
            )
        case "not_completed":
            return "arguments_truncated" in faults
        case "arguments_unusable" | "no_guess":
            return bool(faults) and "arguments_truncated" not in faults
        case "null_is_empty":
            return "null" in row["input"] and {} in [arguments for _, arguments in ours]
        case "marker_in_value":
            return len(ours) == 1 and row["input"].count("get_time") == 1
    return True


def test_every_parser_has_its_cases() -> None:
    """What the real parser answers, and how a model writes it; without them nothing tests it."""
    answered = {row["parser"] for row in (*TOOL_ROWS.values(), *CONSTRUCTED)}
    assert set(CANONICAL) - answered == set()
    assert set(CANONICAL) - set(WRITTEN) == set()


def test_every_format_has_its_names() -> None:
    names = set(ak.parsers.names())
    assert {row["parser"] for row in TOOL_ROWS.values()} <= names
    assert set(WRITTEN) <= names
    assert {
        "qwen",
        "qwen25",
        "qwen3_json",
        "llama4_json",
        "glm47",
        "deepseek_v3_1",
        "qwen3_xml",
        "longcat",
        "mistral",
        "kimi_k2",
    } <= names
    reasoning = set(ak.parsers.reasoning_names())
    assert {
        row["parser"] for row in REASONING_ROWS.values() if row["engine"] == "vllm"
    } <= reasoning
    assert {
        f"sglang/{row['parser']}" for row in REASONING_ROWS.values() if row["engine"] == "sglang"
    } <= reasoning
    for name in names:
        assert ak.parsers.get_parser(name).parse("") == Parsed(content=None)
        assert ak.parsers.get_parser(f"sglang/{name}").name == f"sglang/{name}"
    for name in reasoning:
        assert ak.parsers.get_reasoning_parser(name).parse("") == (
            None,
            "<think>" if "append" in name else None,
        )


@pytest.mark.parametrize("get", [ak.parsers.get_parser, ak.parsers.get_reasoning_parser])
def test_an_unknown_name_says_what_is_close(get: Any) -> None:
    with pytest.raises(NotFound, match="'kimi_k4'") as raised:
        get("kimi_k4")
    assert "kimi_k2" in raised.value.hint
    with pytest.raises(NotFound) as raised:
        get("")
    assert "qwen3" in raised.value.hint


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("granite", '<tool_call> [{"name": "f", "arguments": {}}]', [("f", {}, "ok")]),
        (
            "mistral",
            '[TOOL_CALLS] [{"name": "f", "arguments": {"a": 1}}, "junk"]',
            [("f", {"a": 1}, "ok"), ("", None, "invalid")],
        ),
        (
            "minicpm5",
            '<functionname="f"><paramname="c"><![CDATA[a<b]]></param><param name="d">&lt;x&gt;</param></function>',
            [("f", {"c": "a<b", "d": "<x>"}, "ok")],
        ),
        (
            "gemma4",
            "<|tool_call>call:f{a:1}unexpected<tool_call|>",
            [("f", {"a": "1"}, "normalized")],
        ),
        ("hy_v4", "<tool_calls><tool_call>f<tool_sep></tool_call></tool_calls>", [("f", {}, "ok")]),
        (
            "lfm2",
            "<|tool_call_start|>[f(a={'u', 'b'})]<|tool_call_end|>",
            [("f", {"a": ["u", "b"]}, "ok")],
        ),
        (
            "minimax_m2",
            '<minimax:tool_call><invoke name="f"><parameter name="a">x <parameter\ty</parameter></invoke></minimax:tool_call>',
            [("f", {"a": "x <parameter\ty"}, "ok")],
        ),
        (
            "deepseek_v4",
            'Not <｜DSML｜invoke name="g"> it is.\n<｜DSML｜tool_calls>\n<｜DSML｜invoke name="f">\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>',
            [("g", None, "invalid"), ("f", {}, "ok")],
        ),
        ("muse", " to=f<|message|><atem:function_calls>\n<atem:inv", [("f", None, "invalid")]),
        ("muse", " to=f<|message|>", [("f", None, "invalid")]),
        (
            "mistral",
            '[TOOL_CALLS]f[ARGS]{"a": /* } it\'s */ 1}[TOOL_CALLS]g[ARGS]{}',
            [("f", None, "repaired"), ("g", {}, "ok")],
        ),
        (
            "llama3_json",
            '{"name": "f", "parameters": {"a": 1 // one\n}}',
            [("f", None, "repaired")],
        ),
        (
            "gigachat3",
            '<|function_call|>{"name": "f", "arguments": {"a": 1 /* half',
            [("f", None, "invalid")],
        ),
        ("apertus", '<|tools_prefix|>[{"f": {"a": 1}', [("f", None, "invalid")]),
        (
            "kimi_k2",
            "<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0<|tool_call_arg",
            [("f", None, "invalid")],
        ),
        ("glm45", "<tool_call>f<arg_", [("f", None, "invalid")]),
        ("deepseek_v4", '<｜DSML｜tool_calls>\n<｜DSML｜invoke name="f', [("", None, "invalid")]),
    ],
)
def test_odd_forms(name: str, text: str, expected: list[Any]) -> None:
    assert [
        (call.name, call.arguments, call.status)
        for call in ak.parsers.get_parser(name).parse(text).tool_calls
    ] == expected


@pytest.mark.parametrize("name", WRITTEN)
def test_what_a_call_says_about_itself(name: str) -> None:
    text = (
        f"First. {WRITTEN[name].write([WEATHER])}"
        if name not in ("pythonic", "xlam")
        else WRITTEN[name].write([WEATHER])
    )
    parsed = ak.parsers.get_parser(name).parse(text, tools_for([WEATHER]))
    (call,) = parsed.tool_calls
    assert (call.name, call.arguments, call.status, call.origin, call.problems) == (
        *WEATHER,
        "ok",
        f"content:{name}",
        (),
    )
    assert call.span is not None
    assert call.raw_arguments in text[slice(*call.span)]
    assert "Oslo" in call.raw_arguments
    (unknown,) = ak.parsers.get_parser(name).parse(text, tools_for([("other", {})])).tool_calls
    assert (unknown.name, [p.code for p in unknown.problems]) == ("get_weather", ["name_unknown"])


@pytest.mark.parametrize(
    ("name", "text", "ids"),
    [
        (
            "kimi_k2",
            WRITTEN["kimi_k2"].write([WEATHER, WEATHER]),
            ["functions.get_weather:0", "functions.get_weather:1"],
        ),
        ("cohere_command3", WRITTEN["cohere_command3"].write([WEATHER, WEATHER]), ["0", "1"]),
        (
            "mistral",
            '[TOOL_CALLS]get_weather[CALL_ID]abc123XYZ[ARGS]{"city": "Oslo"}',
            ["abc123XYZ"],
        ),
        (
            "mistral",
            '[TOOL_CALLS] [{"name": "get_weather", "arguments": {}, "id": "abc123XYZ"}]',
            ["abc123XYZ"],
        ),
        ("hermes", WRITTEN["hermes"].write([WEATHER, WEATHER]), ["call_0", "call_1"]),
        ("kimi_k2", WRITTEN["kimi_k2"].write([WEATHER]) * 2, ["functions.get_weather:0", "call_1"]),
    ],
)
def test_ids_are_the_models_where_it_writes_them(name: str, text: str, ids: list[str]) -> None:
    calls = ak.parsers.get_parser(name).parse(text).tool_calls
    assert [call.id for call in calls] == ids
    assert [call.id_synthetic for call in calls] == [call_id.startswith("call_") for call_id in ids]


def test_the_policy_decides_about_repairs() -> None:
    text = """<tool_call>{"name": "get_weather", "arguments": {'city': 'Oslo',}}</tool_call>"""
    policies: tuple[Policy, ...] = ("strict", "normalize", "repair")
    parsed = [
        ak.parsers.get_parser("hermes").parse(text, policy=policy).tool_calls[0].arguments
        for policy in policies
    ]
    assert parsed == [None, None, {"city": "Oslo"}]


def test_a_broken_call_says_where_it_is_and_stays_in_the_content() -> None:
    good = WRITTEN["hermes"].write([WEATHER])
    parsed = ak.parsers.get_parser("hermes").parse(
        f'Now: <tool_call>{{"name": "f", "arguments": {{"a": 1, oops</tool_call> and {good} end'
    )
    broken, call = parsed.tool_calls
    assert (broken.name, broken.status, broken.span) == ("f", "invalid", (5, 68))
    assert "character" in broken.problems[0].message
    assert call.arguments == WEATHER[1]
    assert (
        parsed.content
        == 'Now: <tool_call>{"name": "f", "arguments": {"a": 1, oops</tool_call> and  end'
    )


def test_markup_that_is_no_call_is_pointed_out() -> None:
    parsed = ak.parsers.get_parser("hermes").parse("Write <tool_call> around it.")
    assert (parsed.content, parsed.tool_calls) == ("Write <tool_call> around it.", ())
    assert [p.code for p in parsed.problems] == ["markup_leak"]


@pytest.mark.parametrize("name", WRITTEN)
def test_the_format_is_detected(name: str) -> None:
    text = WRITTEN[name].write([WEATHER, WEATHER])
    found = ak.parsers.detect(text)
    best = ak.parsers.get_parser(found[0]).parse(text, tools_for([WEATHER]))
    assert (
        name in found
        or WRITTEN[name] in [WRITTEN.get(other) for other in found]
        or name == "cohere_command4"
    )
    assert runnable(best) == runnable(ak.parsers.get_parser(name).parse(text, tools_for([WEATHER])))
    assert best.content is None
    assert ak.parsers.has_call_markup(text) == (name not in ("llama3_json", "xlam", "pythonic"))


ORDINARY = [
    "",
    "Hello.",
    '{"answer": 42}',
    "[1, 2, 3]",
    "See [1] and f(x).",
    "<div>a &lt; b</div>",
    "```json\n{}\n```",
    "a <b> c | d",
    "x = [f(1)]",
]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_is_no_format(text: str) -> None:
    assert ak.parsers.detect(text) == ()
    assert not ak.parsers.has_call_markup(text)
    for name in ak.parsers.names():
        parsed = ak.parsers.get_parser(name).parse(text)
        assert (stripped(parsed.content), parsed.tool_calls) == (stripped(text), ())


def test_what_is_certain_is_shown_as_it_arrives() -> None:
    reading = ak.parsers.get_parser("hermes").incremental()
    parts = ("I look", ". <tool", '_call>\n{"name": "f", "argu', 'ments": {}}\n</tool_call>')
    shown = [piece for part in parts for piece in reading.feed(part)]
    assert [piece.kind for piece in shown[:3]] == ["content", "content", "begin"]
    assert "".join(piece.text for piece in shown if piece.kind == "content").strip() == "I look."
    (called,) = [piece.call for piece in shown if piece.call]
    assert (called.name, called.arguments) == ("f", {})
    assert reading.finish() is reading.finish()
    with pytest.raises(UsageError, match="finished"):
        reading.feed("more")
