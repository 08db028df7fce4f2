"""Recorded traffic of one agent, constructed, in the shape of each tool that keeps some."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

URL = "https://api.example.org/v1/chat/completions"
CALL = {
    "id": "c1",
    "type": "function",
    "function": {"name": "tide", "arguments": '{"port": "Brest"}'},
}
ASKED: list[dict[str, Any]] = [
    {
        "model": "m",
        "temperature": 0,
        "messages": [{"role": "user", "content": "How high is the tide in Brest?"}],
    }
]
ANSWERS: list[dict[str, Any]] = [
    {
        "id": "a1",
        "object": "chat.completion",
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": None, "tool_calls": [CALL]},
                "finish_reason": "tool_calls",
            }
        ],
    },
    {
        "id": "a2",
        "object": "chat.completion",
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Six metres."},
                "finish_reason": "stop",
            }
        ],
    },
]
ASKED.append(
    {
        **ASKED[0],
        "messages": [
            *ASKED[0]["messages"],
            ANSWERS[0]["choices"][0]["message"],
            {"role": "tool", "tool_call_id": "c1", "content": "6 m"},
        ],
    }
)
PAIRS = list(zip(ASKED, ANSWERS, strict=True))

VCR: dict[str, Any] = {
    "version": 1,
    "interactions": [
        {
            "request": {
                "method": "POST",
                "uri": URL,
                "body": json.dumps(asked),
                "headers": {"authorization": ["Bearer key"]},
            },
            "response": {
                "status": {"code": 200, "message": "OK"},
                "headers": {},
                "body": {"string": json.dumps(answer)},
            },
        }
        for asked, answer in PAIRS
    ],
}
RUBY_VCR: dict[str, Any] = {
    "recorded_with": "VCR 6.2.0",
    "http_interactions": [
        {
            "request": {
                "method": "post",
                "uri": URL,
                "body": {"encoding": "UTF-8", "string": json.dumps(asked)},
            },
            "response": {
                "status": {"code": 200, "message": "OK"},
                "body": {"encoding": "UTF-8", "string": json.dumps(answer)},
            },
            "recorded_at": "Tue, 01 Nov 2011 04:58:44 GMT",
        }
        for asked, answer in PAIRS
    ],
}
PARSED_VCR: dict[str, Any] = {
    "version": 1,
    "interactions": [
        {
            "request": {"method": "POST", "uri": URL, "parsed_body": asked},
            "response": {"status": {"code": 200}, "parsed_body": answer},
        }
        for asked, answer in PAIRS
    ],
}
PACKED_VCR: dict[str, Any] = {
    "version": 1,
    "interactions": [
        {
            "request": {"method": "POST", "uri": URL, "body": json.dumps(asked)},
            "response": {
                "status": {"code": 200},
                "body": {
                    "base64_string": base64.b64encode(
                        gzip.compress(json.dumps(answer).encode())
                    ).decode()
                },
            },
        }
        for asked, answer in PAIRS
    ],
}
HAR: dict[str, Any] = {
    "log": {
        "version": "1.2",
        "creator": {"name": "made up", "version": "1"},
        "entries": [
            {
                "startedDateTime": f"2024-01-01T00:00:0{place}.000Z",
                "time": 250.0,
                "request": {
                    "method": "POST",
                    "url": f"{URL}?key=secret",
                    "headers": [],
                    "postData": {"mimeType": "application/json", "text": json.dumps(asked)},
                },
                "response": {
                    "status": 200,
                    "content": {
                        "mimeType": "application/json",
                        "text": base64.b64encode(json.dumps(answer).encode()).decode(),
                        "encoding": "base64",
                    },
                },
            }
            for place, (asked, answer) in enumerate(PAIRS)
        ],
    }
}
LITE_LLM: list[dict[str, Any]] = [
    {
        "id": answer["id"],
        "call_type": "acompletion",
        "status": "success",
        "model": "m",
        "messages": asked["messages"],
        "model_parameters": {"temperature": 0},
        "response": answer,
        "startTime": 1700000000.0 + place,
        "endTime": 1700000000.5 + place,
    }
    for place, (asked, answer) in enumerate(PAIRS)
]
SPEND = [
    {
        "request_id": answer["id"],
        "call_type": "acompletion",
        "messages": json.dumps(asked["messages"]),
        "response": json.dumps(answer),
        "model": "m",
        "startTime": f"2024-01-01T00:00:0{place}+00:00",
        "endTime": f"2024-01-01T00:00:0{place}.500000+00:00",
    }
    for place, (asked, answer) in enumerate(PAIRS)
]
NOCK: list[dict[str, Any]] = [
    {
        "scope": "https://api.example.org:443",
        "method": "POST",
        "path": "/v1/chat/completions",
        "body": asked,
        "status": 200,
        "response": [gzip.compress(json.dumps(answer).encode(), mtime=0).hex()],
        "rawHeaders": ["content-type", "application/json"],
    }
    for asked, answer in PAIRS
]
PLAIN_NOCK: list[dict[str, Any]] = [
    {**recorded, "response": answer} for recorded, answer in zip(NOCK, ANSWERS, strict=True)
]
TRAFFIC: dict[str, Any] = {
    "VCR": VCR,
    "Ruby's VCR": RUBY_VCR,
    "parsed VCR": PARSED_VCR,
    "packed VCR": PACKED_VCR,
    "nock": NOCK,
    "plain nock": PLAIN_NOCK,
    "HAR": HAR,
    "LiteLLM": LITE_LLM,
    "LiteLLM's spend": SPEND,
}
