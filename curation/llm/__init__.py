"""Talking to a language model: the endpoint's client (endpoint.py), what is asked (prompts.py), and reading the answers (answers.py).

The ledger of all calls is in curation/store/ledger.py.
"""
