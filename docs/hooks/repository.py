"""Pages that are files at the top of the repository: contributing, changelog, security."""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
PAGES = ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
_LINK = re.compile(r"\]\((?!https?:|#)([^)\s]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages."""
    for name in PAGES:
        text = (ROOT / name).read_text("utf-8")
        files.append(File.generated(config, name.lower(), content=_LINK.sub(_of_site, text)))
    return files


def _of_site(link: re.Match[str]) -> str:
    """Turn a link that is right in the repository into one that is right on the site."""
    target = link[1]
    page, _, place = target.partition("#")
    page = page.lower() if page in PAGES else page.removeprefix("docs/")
    return f"]({page}#{place})" if place else f"]({page})"
