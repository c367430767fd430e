"""
Follows the engines of Podman: that of root, and those of users who are logged in or linger.
"""
