"""What an error says, in a log, in a notebook, and when it is caught by a built-in name."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

import agentkit as ak
from agentkit import errors
from agentkit.errors import NoFile, NoParser, NotFound, UsageError, suggest


def test_the_text_holds_the_hint() -> None:
    exc = UsageError("n is 0", hint="give a whole number from 1 up")
    assert (exc.message, exc.hint) == ("n is 0", "give a whole number from 1 up")
    assert str(exc) == "n is 0; give a whole number from 1 up"
    assert str(UsageError("n is 0")) == "n is 0"
    assert str(UsageError("what differs:\n- a\n+ b", hint="record more")).splitlines()[-1] == (
        "record more"
    )


@pytest.mark.parametrize("kind", [UsageError, NoParser, NoFile, errors.FileInUse])
def test_an_error_goes_through_pickle(kind: type[ak.AgentkitError]) -> None:
    again = pickle.loads(pickle.dumps(kind("what", hint="do")))
    assert (type(again), str(again), again.hint) == (kind, "what; do", "do")


@pytest.mark.parametrize("of", [ak.parsers.get_parser, ak.parsers.get_reasoning_parser])
def test_a_parser_that_is_not_there_is_a_key_error_too(of: Any) -> None:
    with pytest.raises(KeyError) as caught:
        of("qwen33")
    assert isinstance(caught.value, NotFound)
    assert str(caught.value).startswith("no ")  # a KeyError would quote it
    assert "did you mean 'qwen" in caught.value.hint


def test_suggestions() -> None:
    assert suggest("hermse", ["hermes", "xlam"]) == "did you mean 'hermes'?"
    assert suggest("Hermes", ["hermes"]) == "did you mean 'hermes'?"
    assert suggest("zzz", ["hermes"], "there are: hermes") == "there are: hermes"
    assert suggest(7, ["hermes"]) == ""


def rollout() -> ak.Trajectory:
    return ak.rollout(ak.demo())


def asked_by_http() -> Any:
    return ak.testing.serve(["x"], manner="vlm")  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("look_up", "meant"),
    [
        (lambda: ak.debug(ak.demo(), approve=["get_wether"]), "get_weather"),
        (lambda: ak.break_on.problem("argument_truncated"), "arguments_truncated"),
        (lambda: ak.explore(rollout()).sort("turn"), "turns"),
        (lambda: ak.explore(rollout()).filter("turn=1"), "turns"),
        (lambda: ak.debug(ak.demo()).switch("mian"), "main"),
        (lambda: ak.preflight([], "vlm"), "vllm"),
        (lambda: ak.Agent("m", server="http://localhost:1", parser="hermse"), "hermes"),
        (lambda: ak.Agent("m", server="http://localhost:1", policy="nomalize"), "normalize"),  # type: ignore[arg-type]
        (asked_by_http, "vllm"),
        (lambda: ak.testing.serve(["x"], faults=["markup_leek"]), "markup_leak"),
        (lambda: ak.testing.inject(ak.demo(), "tool_eror"), "tool_error"),
    ],
)
def test_a_name_that_is_looked_up_in_vain_is_suggested(look_up: Any, meant: str) -> None:
    with pytest.raises(ak.AgentkitError) as caught:
        look_up()
    assert caught.value.hint.startswith("did you mean")
    assert meant in caught.value.hint


def test_sides_without_names() -> None:
    with pytest.raises(UsageError, match="the sides are a list without names") as caught:
        ak.compare([rollout(), rollout()])  # type: ignore[arg-type]
    assert caught.value.hint == 'name each: ak.compare({"a": …, "b": …}, prompts)'


@pytest.fixture
def shell() -> Iterator[Any]:
    made: Any = InteractiveShell.instance(colors="nocolor")
    yield made
    made.run_line_magic("xmode", "Context")
    InteractiveShell.clear_instance()


def shown(shell: Any, code: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    capsys.readouterr()
    shell.run_cell(code, store_history=True)
    return capsys.readouterr().out.strip().splitlines()


def test_a_notebook_shows_the_line_the_message_and_the_hint(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    code = 'import agentkit as ak\n\nak.debug(ak.demo(), "x", aprove=["pay"])'
    first = shown(shell, code, capsys)
    assert first == [
        'Cell In[1], line 3: ak.debug(ak.demo(), "x", aprove=["pay"])',
        "UnknownKeyword: debug() takes no keyword 'aprove'",
        "hint: did you mean approve=?",
    ]
    code = 'def mine():\n    return ak.load("nosuch.jsonl")\n\nmine()'
    assert shown(shell, code, capsys)[0] == ('Cell In[2], line 2: return ak.load("nosuch.jsonl")')


def test_a_step_on_the_engines_thread_shows_the_callers_line(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_cell("import agentkit as ak; dbg = ak.debug(ak.demo())")
    assert shown(shell, "dbg.back(3)", capsys)[0].endswith(", line 1: dbg.back(3)")


def test_all_frames_on_demand(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run_cell('import agentkit as ak; ak.load("nosuch.jsonl")')
    capsys.readouterr()
    shell.run_line_magic("tb", "Verbose")
    every = capsys.readouterr().out
    assert len(every.splitlines()) > 10
    assert "store.py" in every
    assert "there is no file" in every


def test_the_line_of_a_function_that_raised_is_shown_too(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    code = (
        "from agentkit.errors import UsageError\n"
        "def described():\n    return {}['x']\n"
        "def asked():\n"
        "    try:\n        described()\n"
        "    except KeyError as exc:\n        raise UsageError('it raised', hint='mend it') from exc\n"
        "asked()"
    )
    lines = shown(shell, code, capsys)
    assert len(lines) == 4
    assert lines[1].endswith(", line 3: return {}['x']  # KeyError")
    assert lines[2:] == ["UsageError: it raised", "hint: mend it"]


def test_a_plain_traceback_stays() -> None:
    with pytest.raises(UsageError) as caught:
        ak.Agent("m", server="  ")
    rendered = caught.value._render_traceback_()
    assert rendered[0].startswith("test_errors.py, line ")
    assert rendered[0].endswith(': ak.Agent("m", server="  ")')
    assert rendered[1:] == [
        "UsageError: the server is an empty text",
        "hint: give its URL, as 'http://localhost:8000/v1'; None is OpenAI",
    ]


@pytest.mark.parametrize("mode", ["Plain", "Minimal"])
def test_the_short_modes_of_ipython_keep_the_lines(
    mode: str, shell: InteractiveShell, capsys: Any
) -> None:
    shell.run_line_magic("xmode", mode)
    try:
        capsys.readouterr()
        assert shown(shell, "import agentkit as ak; ak.load('')", capsys)[-2:] == [
            "UsageError: the path is an empty text",
            "hint: name a file: 'run.jsonl'",
        ]
    finally:
        shell.run_line_magic("xmode", "Context")


def test_a_line_that_nothing_holds_is_named_alone() -> None:
    with pytest.raises(UsageError) as caught:
        exec("ak.load('')", {"ak": ak})
    assert caught.value._render_traceback_()[0] == "<string>, line 1"


def test_a_public_name_that_there_is_not() -> None:
    with pytest.raises(AttributeError, match=r"did you mean ak\.load"):
        ak.lod  # noqa: B018


@pytest.mark.parametrize(
    ("module", "wrong", "meant"),
    [
        ("export", "crul", "curl"),
        ("charts", "latncy", "latency"),
        ("parsers", "get_parsers", "get_parser"),
        ("cassette", "docter", "doctor"),
    ],
)
def test_a_name_that_a_module_lacks_comes_with_the_one_that_was_meant(
    module: str, wrong: str, meant: str
) -> None:
    with pytest.raises(errors.UnknownName, match=rf"did you mean ak\.{module}\.{meant}") as caught:
        getattr(getattr(ak, module), wrong)
    assert not any("agentkit/errors.py" in line for line in caught.value._render_traceback_())
