"""An index beside large files of rollouts: tables in Parquet, texts and words to search in."""
