"""Calls written as the models of each family write them: the other direction of
`agentkit.read.parsers.registry`, for tests and benchmarks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Call = tuple[str, Mapping[str, Any]]


def as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def as_text(value: Any) -> str:
    """A string as it is, everything else as JSON."""
    return value if isinstance(value, str) else as_json(value)


def as_gemma(value: Any) -> str:
    if isinstance(value, str):
        return f'<|"|>{value}<|"|>'
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{as_gemma(item)}" for key, item in value.items()) + "}"
    return "[" + ",".join(map(as_gemma, value)) + "]" if isinstance(value, list) else as_json(value)


@dataclass(frozen=True, kw_only=True)
class Written:
    """One format. The templates take {name}, {json_name}, {args} (JSON), {parameters}, {key},
    {value}, {kind}, {n}.
    """

    call: str
    before: str = ""
    between: str = ""
    after: str = ""
    parameter: str = ""
    """One parameter, where the arguments are no JSON."""
    joined: str = ""
    value: Callable[[Any], str] = as_text

    @property
    def json(self) -> bool:
        """Whether the arguments stand as JSON, so that no schema is needed to read them."""
        return not self.parameter

    def write(self, calls: Sequence[Call]) -> str:
        return (
            self.before
            + self.between.join(self._call(n, *call) for n, call in enumerate(calls))
            + self.after
        )

    def _call(self, n: int, name: str, arguments: Mapping[str, Any]) -> str:
        parameters = self.joined.join(
            self.parameter.format(
                key=key,
                value=self.value(value),
                kind=kind_of(value),
                text=str(isinstance(value, str)).lower(),
            )
            for key, value in arguments.items()
        )
        return self.call.format(
            name=name,
            json_name=as_json(name),
            args=as_json(dict(arguments)),
            parameters=parameters,
            n=n,
        )


def kind_of(value: Any) -> str:
    """The JSON type of a value."""
    kinds = {
        str: "string",
        bool: "boolean",
        int: "integer",
        float: "number",
        list: "array",
        dict: "object",
        type(None): "null",
    }
    return kinds[type(value)]


def tools_for(calls: Sequence[Call]) -> list[dict[str, Any]]:
    """Tools whose schemas name the types of these arguments."""
    properties: dict[str, dict[str, Any]] = {}
    for name, arguments in calls:
        properties.setdefault(name, {}).update(
            {key: {"type": kind_of(value)} for key, value in arguments.items()}
        )
    return [
        {
            "type": "function",
            "function": {"name": name, "parameters": {"type": "object", "properties": fields}},
        }
        for name, fields in properties.items()
    ]


_OBJECT = '{{"name": {json_name}, "arguments": {args}}}'
_PARAMETERS = '{{"name": {json_name}, "parameters": {args}}}'


def _list(before: str, after: str = "]", call: str = _OBJECT) -> Written:
    return Written(before=before, call=call, between=", ", after=after)


def _keys(line: str, prefix: str = "", separator: str = "", section: str = "") -> Written:
    return Written(
        before=f"<{prefix}{section}>{line}" if section else "",
        between=line,
        after=f"{line}</{prefix}{section}>" if section else "",
        call=f"<{prefix}tool_call>{{name}}{separator}{line}{{parameters}}</{prefix}tool_call>",
        parameter=f"<{prefix}arg_key>{{key}}</{prefix}arg_key>{line}<{prefix}arg_value>{{value}}</{prefix}arg_value>{line}",
    )


def _functions(block: str, line: str = "", inner: str = "") -> Written:
    return Written(
        call=f"<{block}>{line}<function={{name}}>{line}{{parameters}}</function>{line}</{block}>",
        parameter=f"<parameter={{key}}>{inner}{{value}}{inner}</parameter>{line}",
    )


def _dsml(tag: str, section: str) -> Written:
    return Written(
        before=f"<{tag}{section}>\n",
        call=f'<{tag}invoke name="{{name}}">\n{{parameters}}</{tag}invoke>\n',
        after=f"</{tag}{section}>",
        parameter=f'<{tag}parameter name="{{key}}" string="{{text}}">{{value}}</{tag}parameter>\n',
    )


def _python(before: str, after: str, between: str = ", ") -> Written:
    return Written(
        before=before,
        call="{name}({parameters})",
        between=between,
        after=after,
        parameter="{key}={value}",
        joined=", ",
        value=repr,
    )


_MUSE = Written(
    before=" to=a<|message|>",
    after="<|eot|>",
    between="<|eom|><|start|>assistant to=a<|message|>",
    call='<atem:function_calls>\n<atem:invoke name="{name}">\n{parameters}</atem:invoke>\n</atem:function_calls>',
    parameter='<atem:parameter name="{key}">{value}</atem:parameter>\n',
)
_M3 = "]<]minimax[>["
_COHERE = _list(
    "<|START_ACTION|>[",
    "]<|END_ACTION|>",
    '{{"tool_call_id": "{n}", "tool_name": {json_name}, "parameters": {args}}}',
)
_HERMES = Written(call=f"<tool_call>\n{_OBJECT}\n</tool_call>", between="\n")

WRITTEN: dict[str, Written] = {
    "hermes": _HERMES,
    "granite4": _HERMES,
    "ernie45": _HERMES,
    "longcat": Written(call=f"<longcat_tool_call>\n{_OBJECT}\n</longcat_tool_call>", between="\n"),
    "llama3_json": Written(call=_PARAMETERS, between="; "),
    "granite": _list("<|tool_call|>["),
    "granite-20b-fc": Written(call=f"<function_call> {_OBJECT}", between="\n"),
    "internlm": Written(
        call=f"<|action_start|><|plugin|>{_PARAMETERS}<|action_end|>", between="\n"
    ),
    "jamba": _list("<tool_calls>[", "]</tool_calls>"),
    "hunyuan_a13b": _list("<tool_calls>[", "]</tool_calls>"),
    "phi4_mini_json": _list("functools["),
    "xlam": _list("["),
    "mistral": Written(call="[TOOL_CALLS]{name}[ARGS]{args}"),
    "cohere_command3": _COHERE,
    "cohere_command4": _COHERE,
    "apertus": _list("<|tools_prefix|>[", "]<|tools_suffix|>", "{{{json_name}: {args}}}"),
    "gigachat3": Written(call=f"<|function_call|>{_OBJECT}"),
    "inkling": Written(
        call='<|content_invoke_tool_json|>{{"name": {json_name}, "args": {args}}}<|end_message|>'
    ),
    "deepseek_v3": Written(
        before="<｜tool▁calls▁begin｜>",
        between="\n",
        after="<｜tool▁calls▁end｜>",
        call="<｜tool▁call▁begin｜>function<｜tool▁sep｜>{name}\n```json\n{args}\n```<｜tool▁call▁end｜>",
    ),
    "deepseek_v31": Written(
        before="<｜tool▁calls▁begin｜>",
        after="<｜tool▁calls▁end｜>",
        call="<｜tool▁call▁begin｜>{name}<｜tool▁sep｜>{args}<｜tool▁call▁end｜>",
    ),
    "deepseek_v32": _dsml("｜DSML｜", "function_calls"),
    "deepseek_v4": _dsml("｜DSML｜", "tool_calls"),
    "deepseek_v41": _dsml("｜DSML｜ ", "calls"),
    "kimi_k2": Written(
        before="<|tool_calls_section_begin|>",
        after="<|tool_calls_section_end|>",
        call="<|tool_call_begin|>functions.{name}:{n}<|tool_call_argument_begin|>{args}<|tool_call_end|>",
    ),
    "kimi_k3": Written(
        before="<|open|>tools<|sep|>",
        after="<|close|>tools<|sep|>",
        call='<|open|>call tool="{name}" index="{n}"<|sep|>{parameters}<|close|>call<|sep|>',
        parameter='<|open|>argument key="{key}" type="{kind}"<|sep|>{value}<|close|>argument<|sep|>',
    ),
    "plamo3": Written(
        before="<|plamo:begin_tool_requests:plamo|>",
        after="<|plamo:end_tool_requests:plamo|>",
        call="<|plamo:begin_tool_request:plamo|><|plamo:begin_tool_name:plamo|>{name}<|plamo:end_tool_name:plamo|>"
        "<|plamo:begin_tool_arguments:plamo|><|plamo:constrain|>json<|plamo:msg|>{args}<|plamo:end_tool_arguments:plamo|>"
        "<|plamo:end_tool_request:plamo|>",
    ),
    "openai": Written(
        call="<|channel|>commentary to=functions.{name} <|constrain|>json<|message|>{args}<|call|>",
        between="<|start|>assistant",
    ),
    "dots": Written(call=f"<dots_function_call>{_OBJECT}</dots_function_call>"),
    "qwen3_coder": _functions("tool_call", "\n", "\n"),
    "step3p5": _functions("tool_call", "\n", "\n"),
    "step5": _functions("tool_call", "\n", "\n"),
    "mimo": _functions("tool_call"),
    "seed_oss": _functions("seed:tool_call", "\n"),
    "minimax_m2": Written(
        before="<minimax:tool_call>\n",
        after="</minimax:tool_call>",
        call='<invoke name="{name}">\n{parameters}</invoke>\n',
        parameter='<parameter name="{key}">{value}</parameter>\n',
    ),
    "minimax_m3": Written(
        before=f"{_M3}<tool_call>\n",
        after=f"{_M3}</tool_call>",
        call=f'{_M3}<invoke name="{{name}}">{{parameters}}{_M3}</invoke>\n',
        parameter=f"{_M3}<{{key}}>{{value}}{_M3}</{{key}}>",
    ),
    "step3": Written(
        before="<｜tool_calls_begin｜>",
        after="<｜tool_calls_end｜>",
        call='<｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name="{name}">{parameters}</steptml:invoke><｜tool_call_end｜>',
        parameter='<steptml:parameter name="{key}">{value}</steptml:parameter>',
    ),
    "minicpm5": Written(
        call='<function name="{name}">{parameters}</function>',
        between="\n",
        parameter='<param name="{key}">{value}</param>',
    ),
    "glm45": _keys("\n"),
    "ling3": _keys(""),
    "poolside_v1": _keys("\n"),
    "hy_v3": _keys("\n", separator="<tool_sep>", section="tool_calls"),
    "hy_v4": _keys("", section="tool_calls"),
    "k2_horizon": _keys("", prefix="ifm|", section="tool_calls"),
    "muse": _MUSE,
    "muse_glimmer": _MUSE,
    "gemma4": Written(
        call="<|tool_call>call:{name}{{{parameters}}}<tool_call|>",
        parameter="{key}:{value}",
        joined=",",
        value=as_gemma,
    ),
    "functiongemma": Written(
        call="<start_function_call>call:{name}{{{parameters}}}<end_function_call>",
        parameter="{key}:<escape>{value}<escape>",
        joined=",",
    ),
    "pythonic": _python("[", "]"),
    "llama4_pythonic": _python("<|python_start|>[", "]<|python_end|>"),
    "olmo3": _python("<function_calls>", "</function_calls>", "\n"),
    "lfm2": _python("<|tool_call_start|>[", "]<|tool_call_end|>"),
}
"""By parser."""
