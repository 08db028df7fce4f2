"""How each kind of server answers: OpenAI, Anthropic, vLLM, SGLang."""
