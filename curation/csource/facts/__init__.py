"""What one C file says, as plain data (model) and as bytes for caches and processes (encoding). Nothing is parsed here, nothing looked up.
"""
