"""Every format of calls and of reasoning, as data, by the names of vLLM's and SGLang's parsers."""
