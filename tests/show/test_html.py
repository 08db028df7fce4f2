"""Elements are escaped by construction: whatever goes in as text comes out as text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.errors import UsageError
from agentkit.show.html import ATTRIBUTES, HOLE, Html, el, escape, fragment, joined, link, shape
from agentkit.types.words import visible
from tests.show.render_samples import HOSTILE
from tests.support.paths import ROOT

ANY_TEXT = st.text(st.characters(categories=None)) | st.sampled_from(HOSTILE)
"""Every code point, lone surrogates included."""
HIDDEN = [
    *range(0x20),
    *range(0x7F, 0xA0),
    0xAD,
    0x61C,
    0x180E,
    *range(0x200B, 0x2010),
    *range(0x2028, 0x202F),
    *range(0x2060, 0x2070),
]
HIDDEN += [
    0x3164,
    0xD800,
    0xDFFF,
    0xFEFF,
    0xFFF9,
    0xFFFE,
    0xFFFF,
    0xE0001,
    0xE0041,
    0xE007F,
    0xE0100,
    0xE01EF,
]
SHOWN = [chr(code) for code in HIDDEN if chr(code) not in "\t\n"]


class Reader(HTMLParser):
    """What a browser would make of markup: the tags with their attributes, and the text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def read(markup: str) -> Reader:
    reader = Reader()
    reader.feed(markup)
    reader.close()
    return reader


@given(ANY_TEXT)
def test_text_makes_no_element(text: str) -> None:
    markup = el("p", text, el("code", text, title=text), class_=text)
    tags = [tag for tag, attributes in read(markup).tags if attributes != (("class", "ak-ctl"),)]
    assert tags == ["p", "code"]


@given(ANY_TEXT)
def test_text_is_shown_as_it_is(text: str) -> None:
    assert read(escape(text)).text == visible(text)


@given(ANY_TEXT)
def test_everything_can_be_encoded(text: str) -> None:
    (el("pre", text, title=text) + visible(text)).encode()


@given(ANY_TEXT)
def test_text_without_hidden_characters_is_unchanged(text: str) -> None:
    plain = "".join(ch for ch in text if ch.isprintable() and ch.isascii())
    assert visible(plain) == plain


@pytest.mark.parametrize("character", SHOWN, ids=ascii)
def test_hidden_characters_are_written_out(character: str) -> None:
    written = ascii(character)[1:-1]
    assert visible(f"a{character}b") == f"a{written}b"
    assert escape(f"a{character}b") == f'a<span class="ak-ctl">{written}</span>b'
    assert el("p", title=character) == f'<p title="{written}"></p>'


@pytest.mark.parametrize("text", ["a\tb\nc", "日本語", "naïve café", "👍🏽 ❤️", "עברית", "x\u00a0y"])
def test_ordinary_text_stays(text: str) -> None:
    assert escape(text) == visible(text) == text


def test_a_colour_sequence_is_one_mark() -> None:
    assert (
        escape("\x1b[1;31mred\x1b[0m")
        == '<span class="ak-ctl">\\x1b[1;31m</span>red<span class="ak-ctl">\\x1b[0m</span>'
    )


def test_a_string_is_never_markup() -> None:
    with pytest.raises(TypeError, match="never from a string"):
        Html("<b>")
    bold = el("strong", "x")
    assert el("p", bold) == "<p><strong>x</strong></p>"
    assert el("p", bold + "<") == "<p>&lt;strong&gt;x&lt;/strong&gt;&lt;</p>"
    assert el("p", f"{bold}") == "<p>&lt;strong&gt;x&lt;/strong&gt;</p>"


def test_a_subclass_of_str_is_text() -> None:
    class Sly(str):
        __slots__ = ()

        def __str__(self) -> str:
            return self

        def replace(self, *_: object) -> str:
            return "<script>"

    assert el("p", Sly("<b>")) == "<p>&lt;b&gt;</p>"


def test_children_are_text_numbers_markup_nothing_and_lists_of_these() -> None:
    assert (
        el("p", "a", 1, None, [el("code", "b"), ["<"], None], (x for x in "cd"))
        == "<p>a1<code>b</code>&lt;cd</p>"
    )
    assert fragment("<", el("p")) == "&lt;<p></p>"
    assert joined(" & ", ["a", el("p")]) == "a &amp; <p></p>"


@pytest.mark.parametrize("tag", ["script", "style", "a", "img", "iframe", "p onclick=x", "P", ""])
def test_no_other_element(tag: str) -> None:
    with pytest.raises(UsageError, match="no element"):
        el(tag)


@pytest.mark.parametrize(
    "name", ["onclick", "style", "href", "src", "srcdoc", "id", "CLASS", 'x="']
)
def test_no_other_attribute(name: str) -> None:
    with pytest.raises(UsageError, match="no attribute"):
        el("p", **{name: "x"})


def test_attributes_are_never_code_or_address() -> None:
    assert not [
        name
        for name in ATTRIBUTES.values()
        if name.startswith("on") or name in {"style", "href", "src", "id", "srcdoc"}
    ]


def test_an_attribute_without_a_value_is_left_out() -> None:
    assert el("p", title=None, class_="a") == '<p class="a"></p>'


def test_a_first_line_feed_survives_the_parser() -> None:
    """A parser drops a line feed that comes right after `<pre>`."""
    assert el("pre", "\n\nx") == "<pre>\n\n\nx</pre>"
    assert el("div", "\nx") == "<div>\nx</div>"


@pytest.mark.parametrize(
    ("target", "address"),
    [
        ("rollout.html", "rollout.html"),
        ("a folder/r 1.html", "a%20folder/r%201.html"),
        ("../up.html", "../up.html"),
        ("javascript:alert(1)", "javascript%3Aalert%281%29"),
        ("data:text/html,x", "data%3Atext/html%2Cx"),
        ("what?.html#x", "what%3F.html%23x"),
        ('x" onclick="y', "x%22%20onclick%3D%22y"),
        ("https://example.invalid/a?b=1#c", "https://example.invalid/a?b=1#c"),
        ('http://example.invalid/"<>', "http://example.invalid/%22%3C%3E"),
        ("\u202ea\ud800", "%E2%80%AEa%ED%A0%80"),
    ],
)
def test_links_go_to_files_and_pages(target: str, address: str) -> None:
    (tag, attributes), *_ = read(link(target, "x")).tags
    assert (tag, attributes) == ("a", (("href", address),))


@pytest.mark.parametrize("target", ["", "/etc/passwd", "//example.invalid/x", "\\\\host\\share"])
def test_links_are_relative(target: str) -> None:
    with pytest.raises(UsageError, match="relative"):
        link(target)


def test_only_this_module_makes_markup() -> None:
    """Nothing else in the package calls the constructor behind `Html`."""
    package = ROOT / "agentkit"
    makers = [
        path.name
        for path in package.rglob("*.py")
        if re.search(r"str\.__new__|\b_html\(|cast\(.*\bHtml\b", path.read_text())
    ]
    assert makers == ["html.py"]


def test_a_shape_puts_children_and_attributes_where_its_holes_are() -> None:
    make = shape(el("div", el("p", HOLE), HOLE, data_key=HOLE))
    assert make('a"<', "<b>", [el("code", "c"), None, "\x00\x01"]) == (
        '<div data-key="a&quot;&lt;"><p>&lt;b&gt;</p><code>c</code><span class="ak-ctl">\\x00\\x01</span></div>'
    )
    assert isinstance(make("k", "a", "b"), Html)


def test_a_shape_filled_with_holes_is_part_of_a_larger_shape() -> None:
    inner = shape(el("p", HOLE, title=HOLE))
    outer = shape(el("div", inner(HOLE, HOLE), el("code", HOLE), data_key=HOLE))
    assert outer('"', "<", "'", "&") == el(
        "div", el("p", "'", title="<"), el("code", "&"), data_key='"'
    )


@given(ANY_TEXT)
def test_markup_in_an_attribute_is_text(text: str) -> None:
    """A value is quoted whatever it is, in a shape as in an element."""
    bold = el("strong", text)
    assert shape(el("p", data_key=HOLE))(bold) == el("p", data_key=bold)
    assert '"' not in el("p", data_key=bold)[len('<p data-key="') : -len('"></p>')]


@pytest.mark.parametrize("children", [(), ("a",), ("a", "b", "c", "d")])
def test_a_shape_is_filled_wholly(children: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="sequence"):
        shape(el("div", HOLE, HOLE, data_key=HOLE))(*children)


def test_a_text_is_no_hole() -> None:
    """Neither as a child nor as an attribute, before or after the same attribute had a hole."""
    for _ in range(2):
        assert (
            el("p", "\x00", title="\x00")
            == '<p title="\\x00"><span class="ak-ctl">\\x00</span></p>'
        )
        assert "\x01" in el("p", title=HOLE)


def test_a_pre_is_no_shape() -> None:
    with pytest.raises(ValueError, match="pre"):
        shape(el("pre", HOLE, class_="ak-data"))
