"""
The pages of `exit137 web`, rendered on the server. They read the store and cgroups, and never ask the agent or Docker.

`explain --html` renders the same incidents into a file, and `top` shows the same containers.
"""
