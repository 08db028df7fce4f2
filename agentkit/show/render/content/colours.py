"""Code in colours: pygments finds the words, few classes of ours say what they are."""

from __future__ import annotations

from functools import cache
from typing import Any

from agentkit.show.html import Child, Html, element, fragment

MOST = 12_000
"""Characters of a code that is coloured; longer ones, and longer lines, stay plain."""
_LINE = 2_000
_OWN = """
    python json javascript typescript bash sql html xml css java c cpp csharp go rust yaml toml
    diff ruby php r kotlin swift scala lua ini docker powershell
"""
_OTHERS = """
    py python, python3 python, ipython python, js javascript, jsx javascript, mjs javascript,
    ts typescript, tsx typescript, sh bash, shell bash, zsh bash, console bash, yml yaml, c++ cpp,
    c# csharp, rs rust, golang go, dockerfile docker, jsonc json, rb ruby, ps1 powershell
"""
_LANGUAGES: dict[str, str] = dict(
    [pair.split() for pair in _OTHERS.split(",")], **{name: name for name in _OWN.split()}
)
"""What is written after a fence, and the lexer that reads it; any other language is plain."""
KEY, STRING, NUMBER, LITERAL, COMMENT, NAME = (
    element("span", class_=f"ak-{kind}") for kind in "ksnlcf"
)
_KINDS = {
    "Token.Keyword.Constant": LITERAL,
    "Token.Keyword": KEY,
    "Token.Name.Tag": KEY,
    "Token.Name.Attribute": NAME,
    "Token.Name.Function": NAME,
    "Token.Name.Class": NAME,
    "Token.Name.Decorator": NAME,
    "Token.Name.Builtin": NAME,
    "Token.Operator.Word": KEY,
    "Token.Literal.String": STRING,
    "Token.Literal.Number": NUMBER,
    "Token.Comment": COMMENT,
    "Token.Generic.Inserted": STRING,
    "Token.Generic.Deleted": LITERAL,
}


def coloured(code: str, language: str) -> Html | str:
    """Colour the words of a code; it stays a plain text where the language is not known, or it is
    long.
    """
    name = _LANGUAGES.get(language.lower())
    if name is None or len(code) > MOST or max(map(len, code.split("\n"))) > _LINE:
        return code
    words: list[Child] = []
    for _, kind, text in _lexer(name).get_tokens_unprocessed(code):
        make = _made(str(kind))
        words.append(make(text) if make and text.strip() else text)
    return fragment(*words)


@cache
def _lexer(name: str) -> Any:
    from pygments.lexers import get_lexer_by_name

    return get_lexer_by_name(name)


@cache
def _made(kind: str) -> Any:
    """Find what makes a word of this kind, or of the kind that it is one of."""
    while kind:
        if kind in _KINDS:
            return _KINDS[kind]
        kind = kind.rpartition(".")[0]
    return None
