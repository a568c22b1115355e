"""Curation: from C sources and raw rows to a frozen dataset."""
