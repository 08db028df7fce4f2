"""What an index is searched by, each in files of its own: texts, words, places."""
