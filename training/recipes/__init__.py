"""Stages of the training line: one file each."""
