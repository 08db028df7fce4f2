"""Numbers and nouns in words."""

from __future__ import annotations

import pytest

import agentkit as ak
from agentkit.types.words import type_in_words, with_article

SAID = {
    "an": "int object Agent Explorer Array OrderedDict ExceptionGroup Index Unreachable "
    "HTTPError MCPServer LLM SDKClient X ndarray NDFrame update image IPAddress AsyncOpenAI hour "
    "assistant item_reference openai apply_patch_call O",
    "a": "str dict NoneType user UnionFind URL UUID UserString Union UsageError unit use utf8 DataFrame "
    "function_call None tuple list Response Link Member one_of two B",
}


@pytest.mark.parametrize(
    ("article", "noun"), [(article, noun) for article in SAID for noun in SAID[article].split()]
)
def test_a_noun_has_the_article_it_is_spoken_with(article: str, noun: str) -> None:
    assert with_article(noun) == f"{article} {noun}"


def test_types_in_words() -> None:
    assert [type_in_words(v) for v in (7, "x", ak.explore([]))] == [
        "an int",
        "a str",
        "an Explorer",
    ]
