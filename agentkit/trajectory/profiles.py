"""What each kind of server wants of the history it is sent, as data.

Each refusal is one that servers of the kind have answered with; each field says where its words
come from. vLLM and SGLang are read from their sources, Mistral's from mistral-common
(`protocol/instruct/validator.py`), with whose texts api.mistral.ai answers; the others' are the
bodies of real 400s. What came goes back as it came, unless a profile says otherwise.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from urllib.parse import urlsplit

from agentkit.errors import NotFound, suggest
from agentkit.types.answer import Dialect
from agentkit.types.request import Profile, Spec

_ANY_ROLE = ("system", "developer", "user", "assistant", "tool")

PROFILES = {
    profile.name: profile
    for profile in (
        Profile(name="generic"),
        Profile(
            name="openai",
            reasoning_field=None,
            reasoning_details=False,
            extra_content=False,
            refuses_reasoning=True,
            id_limit=40,
            strict_names=True,
            null_content=True,
            json_arguments=False,
            part_types=("text", "image_url", "input_audio", "file", "refusal"),
        ),
        Profile(
            name="vllm",
            reasoning_field="reasoning",
            reasoning_details=False,
            empty_tool_calls=True,
            system_first=True,
            one_system=True,
            media_roles=_ANY_ROLE,
        ),
        Profile(
            name="sglang",
            reasoning_field="reasoning_content",
            reasoning_details=False,
            empty_tool_calls=True,
            system_first=True,
            one_system=True,
            media_roles=_ANY_ROLE,
        ),
        Profile(
            name="mistral",
            reasoning_field=None,
            reasoning_details=False,
            extra_content=False,
            refuses_reasoning=True,
            ids="alnum9",
            strict_names=True,
            empty_answers=False,
            empty_tool_calls=True,
            empty_parts=True,
            typeless_calls=True,
            refused_fields=("refusal", "annotations", "audio", "function_call"),
            media_roles=("user", "tool"),
            alternates=True,
            system_first=True,
        ),
        Profile(
            name="kimi",
            reasoning_field="reasoning_content",
            reasoning_required=True,
            reasoning_details=False,
            ids="kimi",
            strict_names=True,
            media_roles=("user", "tool"),
            empty_answers=False,
        ),
        Profile(
            name="deepseek",
            reasoning_field="reasoning_content",
            reasoning_required=True,
            reasoning_details=False,
            strict_names=True,
        ),
        Profile(
            name="gemini",
            reasoning_field=None,
            reasoning_details=False,
            strict_names=True,
            media_roles=("user", "tool"),
        ),
        Profile(
            name="openrouter",
            reasoning_field="reasoning",
            strict_names=True,
            media_roles=("user", "tool"),
        ),
        # Takes `reasoning` and refuses `reasoning_content` with code `wrong_api_format`.
        Profile(
            name="cerebras",
            reasoning_field="reasoning",
            reasoning_details=False,
            extra_content=False,
            refused_fields=("reasoning_content", "reasoning_details"),
            strict_names=True,
        ),
        # "'messages.1' : for 'role:assistant' … property 'reasoning_content' is unsupported"; its
        # SDK's assistant message has `reasoning`.
        Profile(
            name="groq",
            reasoning_field="reasoning",
            reasoning_details=False,
            extra_content=False,
            refused_fields=(
                "reasoning_content",
                "reasoning_details",
                "refusal",
                "annotations",
                "audio",
            ),
            id_limit=40,
            strict_names=True,
            null_content=True,
            json_arguments=False,
        ),
        # https://docs.fireworks.ai/guides/reasoning: out and in as `reasoning_content`.
        Profile(name="fireworks", reasoning_field="reasoning_content"),
        # Answers with `reasoning`, and takes both names, whatever the model is.
        Profile(name="together"),
        # "You must return the complete, unmodified `reasoning_content`" (preserved thinking).
        Profile(name="zai", reasoning_field="reasoning_content"),
        # The whole message goes back: `reasoning_details` with `reasoning_split`, else the think
        # tags of the content (https://platform.minimax.io/docs/api-reference/text-openai-api).
        Profile(name="minimax", one_system=True),
        Profile(name="dashscope", reasoning_field="reasoning_content", one_system=True),
        Profile(name="xai", reasoning_field="reasoning_content"),
        # NIM serves models with vLLM, SGLang or TensorRT-LLM: whichever name came is understood.
        Profile(name="nvidia"),
        # A router: the names are those of the provider behind it.
        Profile(name="huggingface"),
        # Sends `reasoning_content` and `thinking_blocks`, and translates both for the provider.
        Profile(name="litellm", media_roles=("user", "tool")),
        # common/chat.cpp reads `reasoning_content` and parses the arguments.
        Profile(
            name="llamacpp",
            reasoning_field="reasoning_content",
            reasoning_details=False,
            system_first=True,
            one_system=True,
            media_roles=_ANY_ROLE,
        ),
        # openai/openai.go: `reasoning` in the message, both ways.
        Profile(name="ollama", reasoning_field="reasoning", reasoning_details=False),
        # `reasoning` for gpt-oss, `reasoning_content` for the others.
        Profile(name="lmstudio"),
        # Speaks Messages; what it refuses there is in `dialects/messages/preflight`.
        Profile(name="anthropic", strict_names=True, media_roles=("user", "tool")),
    )
}

_HOSTS = {
    "api.openai.com": "openai",
    "openai.azure.com": "openai",
    "cognitiveservices.azure.com": "openai",
    "services.ai.azure.com": "openai",
    "api.groq.com": "groq",
    "api.cerebras.ai": "cerebras",
    "openrouter.ai": "openrouter",
    "api.mistral.ai": "mistral",
    "api.moonshot.cn": "kimi",
    "api.moonshot.ai": "kimi",
    "api.deepseek.com": "deepseek",
    "generativelanguage.googleapis.com": "gemini",
    "aiplatform.googleapis.com": "gemini",
    "api.fireworks.ai": "fireworks",
    "api.together.xyz": "together",
    "api.together.ai": "together",
    "api.z.ai": "zai",
    "open.bigmodel.cn": "zai",
    "api.minimax.io": "minimax",
    "api.minimax.chat": "minimax",
    "api.minimaxi.com": "minimax",
    "api.minimaxi.chat": "minimax",
    "dashscope.aliyuncs.com": "dashscope",
    "dashscope-intl.aliyuncs.com": "dashscope",
    "dashscope-us.aliyuncs.com": "dashscope",
    "maas.aliyuncs.com": "dashscope",
    "api.x.ai": "xai",
    "api.anthropic.com": "anthropic",
    "api.nvidia.com": "nvidia",
    "router.huggingface.co": "huggingface",
    "api-inference.huggingface.co": "huggingface",
    "endpoints.huggingface.cloud": "huggingface",
    "ollama.com": "ollama",
}

_PORTS = {11434: "ollama", 1234: "lmstudio", 4000: "litellm"}
"""Where a server listens that nobody told otherwise."""

_MODELS = {
    "kimi-k2": "kimi",
    "mistral": "mistral",
    "mixtral": "mistral",
    "devstral": "mistral",
    "magistral": "mistral",
}
"""Families whose chat template wants ids of a form, whoever serves them."""


def get_profile(name: str) -> Profile:
    """Find the profile of this name.

    Raises:
        NotFound: there is none.
    """
    try:
        return PROFILES[name]
    except (KeyError, TypeError):
        raise NotFound(
            f"no profile is named {name!r}",
            hint=suggest(name, PROFILES, f"choose one of: {', '.join(sorted(PROFILES))}"),
        ) from None


@lru_cache(maxsize=64)
def _profile_in(name: str, dialect: Dialect) -> Profile:
    return replace(get_profile(name), dialect=dialect)


def profile_of(spec: Spec) -> Profile:
    """Find the profile that a rollout's history is sent with, in the dialect it is sent in.

    Raises:
        NotFound: there is no such profile.
    """
    return (
        get_profile(spec.profile)
        if spec.dialect == "chat"
        else _profile_in(spec.profile, spec.dialect)
    )


def profile_for(url: str | None, model: str | None = None) -> str:
    """Choose the profile that fits a server, by its host, then by the model, then by its port;
    `generic` where none decides.
    """
    host, port = _address(url or "")
    known = next(
        (name for end, name in _HOSTS.items() if host == end or host.endswith(f".{end}")), None
    )
    if known is not None:
        return known
    family = (model or "").rpartition("/")[2].lower()
    by_model = next((name for start, name in _MODELS.items() if family.startswith(start)), None)
    return by_model or _PORTS.get(port or 0, "generic")


def _address(url: str) -> tuple[str, int | None]:
    """Take host and port out of a URL; "" and None where it has none."""
    try:
        parts = urlsplit(url if "//" in url else f"//{url}")
        return parts.hostname or "", parts.port
    except ValueError:
        return "", None
