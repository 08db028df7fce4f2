"""The formats and the reasoning of every model, as data by the names of vLLM's and SGLang's parsers."""
