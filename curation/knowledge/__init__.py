"""Known C callback and asynchronous APIs, as rows with sources."""
