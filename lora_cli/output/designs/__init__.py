"""How the answer of a command is laid out for people: a file for each command that has a design of its own.

`design` takes a report and yields its blocks. Reports without a design are laid out by `sheet` and `listing`.
"""
