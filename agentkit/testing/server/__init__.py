"""The reference server: OpenAI, vLLM or SGLang over real HTTP, from a script or a recording."""
