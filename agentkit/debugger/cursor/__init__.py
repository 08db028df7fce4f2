"""A debugger's place in its tree of branches, and what moves it."""
