"""C as tree-sitter sees it, for what people look at: outlines, scopes, structural search, anchors, fingerprints.

The engine's facts come from its own reader (it reads what a parser loses in kernel code, at half the cost); nothing here feeds a proposal.
A text goes through tree.parse once; what it gives is read by cursor walks, which are linear in the length whatever the nesting.
"""
