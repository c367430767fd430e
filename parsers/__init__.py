"""
Parse the input of the agent: pure functions from bytes to facts.

Nothing here reads a clock, a file or a socket, and nothing here logs. Any input gives a fact, nothing, or a
`ParseError`, never another exception.
"""
