"""The style sheets and scripts of the views, as a page gets them: from the files of `static/`, made
small.
"""

from __future__ import annotations

import json
import re
import zlib
from functools import cache
from importlib.resources import files

_STATIC = files("agentkit.show.notebook").joinpath("static")
_SCRIPTS, _STYLES = _STATIC.joinpath("scripts"), _STATIC.joinpath("styles")
KEPT = ("rollout", "content")
"""The sheets of a conversation and of what is said in it."""
_UNPACK = """\
const id = "%s";
const known = (globalThis.agentkitViews ??= {});
const unpack = async (sent) => {
const packed = new Blob([new Uint8Array(sent.buffer, sent.byteOffset, sent.byteLength)]);
const text = packed.stream().pipeThrough(new DecompressionStream("deflate"));
const [code, style] = JSON.parse(await new Response(text).text());
document.head.append(Object.assign(document.createElement("style"), { id, textContent: style }));
const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
return (await import(address).finally(() => URL.revokeObjectURL(address))).default;
};
export default () => {
const early = [];
let story, begun;
const begin = (model) =>
(begun ??= (known[id] ??= unpack(model.get("packed"))).then(
(views) => (story = views.tell(model, early))));
return {
initialize({ model }) {
model.on("msg:custom", (...heard) => void (story ? story.hear(...heard) : early.push(heard)));
begin(model).catch(() => {});
return () => story?.unwatch();
},
render: async ({ model, el }) => (await begin(model)).show(el),
};
};
"""


def css() -> str:
    """Return the style sheet of what is kept of a view."""
    return base() + "".join(map(style, KEPT))


def base() -> str:
    """Return the style sheet of every view: the design, and what is made of it."""
    return style("design") + style("agentkit")


@cache
def style(name: str) -> str:
    """Read a style sheet of `static/styles/`, or all of a folder, without comments and spaces, as
    every output holds it; "" where there is none of the name.
    """
    folder = _STYLES.joinpath(name)
    parts = [*folder.iterdir()] if folder.is_dir() else [_STYLES.joinpath(f"{name}.css")]
    found = sorted((part for part in parts if part.is_file()), key=lambda part: part.name)
    return "".join(compact(part.read_text("utf-8")) for part in found)


def compact(written: str) -> str:
    """Take comments out of a style sheet, and the spaces that part nothing."""
    plain = re.sub(r"\s+", " ", re.sub(r"/\*.*?\*/", "", written, flags=re.DOTALL))
    plain = re.sub(r" ?([{};,>]) ?", r"\1", re.sub(r"(?<=\() | (?=\))", "", plain))
    return re.sub(r"([\w-]:) ", r"\1", plain).replace(";}", "}").strip()


@cache
def packed(*names: str) -> bytes:
    """Compress `script` and its style sheet: each widget sends its own copy to the page, which
    unpacks one of them.

    A sheet that every widget brings as `_css` would make the browser style the whole page again for
        each.
    """
    return zlib.compress(json.dumps([script(*names), sheet(*names)]).encode(), 9)


def module(*names: str) -> str:
    """Make the one module that a widget can have: it unpacks what its trait `packed` holds.

    It is there before that is done, keeps what the kernel says meanwhile, and never waits:
        anywidget gives up a widget for good whose module takes two seconds, as it can in a busy
        page.
    """
    return _UNPACK % f"ak-{zlib.crc32(packed(*names)):08x}"


def sheet(*names: str) -> str:
    """Return the style sheet of every view, and of those that have these scripts."""
    return css() + "".join(map(style, ("live", *names)))


def script(*names: str) -> str:
    """Join the runtime and the scripts that follow it, each with names of its own; a debugger of
    the page lists it under their name.
    """
    parts = [_code("runtime"), *(f"{{\n{_code(name)}\n}}" for name in names)]
    return "\n".join([*parts, f"//# sourceURL=agentkit-{names[-1] if names else 'runtime'}.js"])


def _code(name: str) -> str:
    """Read a script without comments and indentation: a file, or all files of a folder, which share
    their names; "" where there is a sheet of the name alone.
    """
    folder = _SCRIPTS.joinpath(name)
    parts = [*folder.iterdir()] if folder.is_dir() else [_SCRIPTS.joinpath(f"{name}.js")]
    parts = [part for part in parts if part.is_file()]
    texts = [part.read_text("utf-8") for part in sorted(parts, key=lambda part: part.name)]
    written = re.sub(r"^\s*/\*\*.*?\*/\s*$", "", "\n".join(texts), flags=re.DOTALL | re.MULTILINE)
    lines = (line.strip() for line in written.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))
