"""What each kind of server wants of the history it is sent, as data.

Each refusal is one that servers of the kind have answered with; each field says where its words
come from. vLLM and SGLang are read from their sources, Mistral's from mistral-common
(`protocol/instruct/validator.py`), with whose texts api.mistral.ai answers; the others' are the
bodies of real 400s. What came goes back as it came, unless a profile says otherwise.
"""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from agentkit.errors import NotFound, suggest
from agentkit.types.record import Record, record

ReasoningField = Literal["same", "reasoning", "reasoning_content"]


@record
class Profile(Record):
    """What one kind of server wants of its history, and what it refuses."""

    name: str
    reasoning_field: ReasoningField | None = "same"
    """Where reasoning goes back: the `same` field it came in, and `reasoning_content` where it came
    in content parts; another name: there, in whatever it came; None: not at all."""
    reasoning_required: bool = False
    """An assistant message with calls must carry its reasoning: api.moonshot.ai ("reasoning_content
    is missing in assistant tool call message") and api.deepseek.com ("Missing `reasoning_content`
    field in the assistant message")."""
    reasoning_details: bool = True
    """`reasoning_details` and other lists of reasoning go back as they came (OpenRouter,
    MiniMax)."""
    extra_content: bool = True
    """Signatures go back as they came, a message's and a call's `extra_content`: Gemini 3 refuses a
    turn whose first call has lost its `thought_signature`
    (https://ai.google.dev/gemini-api/docs/thought-signatures)."""
    refuses_reasoning: bool = False
    """A reasoning field in a message is refused, not ignored: OpenAI ("Unknown parameter:
    'messages[1].reasoning_content'") and Mistral ("Extra inputs are not permitted")."""
    refused_fields: tuple[str, ...] = ()
    """Fields of an assistant message that are refused: reasoning under another name, as Cerebras
    and Groq take only `reasoning` ("property 'messages.2.assistant.reasoning_content' is
    unsupported"), and what an SDK dumps beside it, even when it is null (Groq: "property 'refusal'
    is unsupported", Mistral: "Extra inputs are not permitted")."""
    think_text: bool = True
    """Think tags of the content go back verbatim; False: the content without them."""
    ids: Literal["any", "alnum9", "kimi"] = "any"
    """`alnum9`: nine letters and digits (mistral-common: "must be a-z, A-Z, 0-9, with a length of
    9"); `kimi`: `functions.name:i`, from which Kimi K2's chat template takes the name."""
    id_limit: int | None = None
    """Characters an id may have (OpenAI: "string too long. Expected a string with maximum length
    40").
    """
    strict_names: bool = False
    """Names must match `[a-zA-Z0-9_-]{1,64}`, as OpenAI, Mistral, Gemini and Anthropic (behind
    OpenRouter) say.
    """
    null_content: bool = False
    """An assistant message with calls and no text has `content: null`, not ""."""
    empty_answers: bool = True
    """An assistant message with neither text nor calls is accepted; not by Mistral ("must have
    either content or tool_calls, but not none") nor by Moonshot ("the message at position 1 with
    role 'assistant' must not be empty")."""
    empty_parts: bool = False
    """`content: []` is accepted beside calls, as Mistral's own client sends it."""
    empty_tool_calls: bool = False
    """`tool_calls: []` is accepted; not by OpenAI ("[] is too short - 'messages.1.tool_calls'")."""
    part_types: tuple[str, ...] = ()
    """The types of parts that a content may hold, others are refused; () where any may do. OpenAI:
    "Invalid value: 'tool_use'. Supported values are: …"."""
    media_roles: tuple[str, ...] = ("user",)
    """The roles whose messages may hold images and other parts that are no text (OpenAI: "Image
    URLs are only allowed for messages with role 'user', but this message with role 'tool' contains
    an image URL"). vLLM parses the parts of every role alike."""
    typeless_calls: bool = False
    """A call may leave out its `type`, as Mistral's schema says; not with OpenAI ("Missing required
    parameter: 'messages[2].tool_calls[0].type'").
    """
    json_arguments: bool = True
    """Arguments in the history must hold a JSON object, because the server (vLLM:
    `entrypoints/chat_utils.py`, llama.cpp: `common/chat.cpp`) or the chat template ("Can only get
    item pairs from a mapping") parses them."""
    alternates: bool = False
    """User and assistant must alternate, and the last message must be the user's or a tool's
    (mistral-common: "Expected last role User or Tool", "Unexpected role 'user' after role
    'tool'")."""
    system_first: bool = False
    """A system message is accepted only at the start (chat templates of Qwen3.5 and others: "System
    message must be at the beginning").
    """
    one_system: bool = False
    """Only one system message is accepted: the same templates refuse a second one with the same
    words, and Gemma's with "Conversation roles must alternate". OpenAI, OpenRouter, Groq, DeepSeek
    and Mistral take several.
    """

    def summary(self) -> str:
        return self.name


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
