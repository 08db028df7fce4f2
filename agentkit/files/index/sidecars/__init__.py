"""The index of one file, by how the file is read."""
