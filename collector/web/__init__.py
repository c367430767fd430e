"""
What people and programs ask over HTTP. `api` is /v1, which the agent serves; `pages` is `exit137 web`, another process.

Both only read.
"""
