"""
A simulated fleet: the events that agents on many hosts would publish, with the truth beside them.

For demonstrations, benchmarks and tests. The same seed gives the same events.
"""

from fleet.simulation.scenario import Scenario
from fleet.simulation.story import Arrival, simulate
from fleet.simulation.truth import Truth, TruthKind

__all__ = ["Arrival", "Scenario", "Truth", "TruthKind", "simulate"]
