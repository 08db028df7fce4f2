"""HTTP as `Server` speaks it: one aiohttp session for each event loop, proxies, certificates."""
