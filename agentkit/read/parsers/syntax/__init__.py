"""The syntaxes in which models write calls, one file each, shared by the formats that use it."""
