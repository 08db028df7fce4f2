"""What an answer says about the URL it came from: a missing `/v1`, a web page, a redirect."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from agentkit.types.wire import Exchange

_PATH = "/chat/completions"
_VERSION = re.compile(r"/(?:v\d|openai|api/|deployments/|compatible-mode)", re.IGNORECASE)


def address_hint(exchange: Exchange) -> str:
    """What to change in the server's URL, where the exchange shows that it is wrong; "" where it
    does not.
    """
    base = exchange.url.partition("?")[0].removesuffix(_PATH)
    if exchange.status is None or not exchange.url:
        return ""
    if 300 <= exchange.status < 400:
        target = dict(exchange.headers).get("location", "another address")
        return (
            f"the server sends on to {target.partition('?')[0].removesuffix(_PATH)}; give that as"
            " the url if it is the right place"
        )
    web_page = exchange.status < 300 and exchange.body.lstrip()[:1] == "<"
    if (exchange.status in (404, 405) or web_page) and not _VERSION.search(urlsplit(base).path):
        return f"the url has no /v1, and most servers want it: {base}/v1"
    return ""
