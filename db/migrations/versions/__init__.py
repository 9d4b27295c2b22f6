"""One file per version of the schema. A released one is never edited: what it made is in somebody's hospital."""
