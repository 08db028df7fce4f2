"""The syntaxes in which models write calls: one file a syntax, shared by the formats that use it."""
