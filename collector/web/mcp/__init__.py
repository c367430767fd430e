"""
What the agent knows as tools for models: the Model Context Protocol (MCP) over standard input and output.

Only this package uses the MCP SDK, an extra of the distribution. It reads: the agent's API, and text that a client
hands in. What programs in containers have written stands in fields named `untrusted_text`, and nowhere else.
"""
