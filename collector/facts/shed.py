"""
What is said about work that the agent left out because it was behind.
"""

from typing import Final

# Why a log tail was not read: kills and deaths come first.
LOGS_SHED: Final = "The agent was behind and did not read the log."
