"""What people see: the public pages, the officers' pages, and what both stand on.

The public pages set no cookie, need no script and never ask who is reading. The officers' pages show evidence as text,
never as markup, and record each look at it before it is shown.
"""
