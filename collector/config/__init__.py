"""
The agent's configuration: TOML files, validated and converted to frozen structures.
"""
