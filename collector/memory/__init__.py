"""
What a container's memory did before it died: samples, their shape, warnings, advice.

State machines and pure functions; only `cgroups` reads files.
"""
