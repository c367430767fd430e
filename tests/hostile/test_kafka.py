"""
Brokers that send more than a client should read.
"""

import pytest

from sinks.errors import Reason, TransientError
from sinks.kafka import KafkaConfig, KafkaSink
from tests.hostile.peers import CONNECTED, peers

# A client that reads on ends with a timeout.
_NEVER_S = 25


@pytest.mark.parametrize("mode", ["junk", "frame of 2 GB", "frame of -1 bytes", "frames of nothing"])
async def test_a_frame_without_end_is_refused(mode: str) -> None:
    """
    A peer that says that gigabytes will follow, and sends them, is cut off after a few megabytes.
    """
    with peers(CONNECTED[mode]) as broker:
        servers = (f"127.0.0.1:{broker.port}",)
        sink = KafkaSink(KafkaConfig(name="k", type="kafka", bootstrap_servers=servers, topic="t", timeout_s=_NEVER_S))
        with pytest.raises(TransientError) as caught:
            await sink.open()
        await sink.aclose()
    assert caught.value.reason is Reason.UNREACHABLE
