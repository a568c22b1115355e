"""How are records and names kept in files that are mapped, searched in place, and whole after a kill?

pack keeps records, postings says which files hold a name, keys gives names their numbers, bounded_cache keeps what was read last. None of
them knows C.
"""
