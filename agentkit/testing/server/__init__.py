"""The reference server: OpenAI's, vLLM's or SGLang's manner over real HTTP, from a script or a recording."""
