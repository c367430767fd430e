"""
The structure of `[hub]`. It stands here and not beside the hub, so that reading a configuration imports no hub.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

from sinks.secret import Secret


class HubWebhookConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    `[hub.webhook]`: takes the events that the webhook sinks of agents post.

    Attributes:
        listen: the address; other hosts reach only one that is not loopback.
        keys_dir: a directory with one file per host, named by its host id, with a signing secret (`whsec_…`) each;
            `ID.next` may hold a second one while a secret is replaced.
        write_token_file: has the token of senders that cannot sign; who sends it may speak for every host.
        cert_file: PEM; the server's certificate chain. Without it a proxy in front must speak TLS.
        key_file: PEM; its key.
        max_body_bytes: a larger request is refused.
        replay_window_s: how far the time of a request may be from the hub's clock.
    """

    keys_dir: str
    listen: str = "127.0.0.1:9139"
    write_token_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    max_body_bytes: Annotated[int, msgspec.Meta(ge=262_144, le=67_108_864)] = 1_048_576
    replay_window_s: Annotated[float, msgspec.Meta(ge=1, le=86_400)] = 300


class HubKafkaConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    `[hub.kafka]`: reads the topic that the Kafka sinks of agents write; the other settings as for that sink.

    Attributes:
        group: the consumer group. The offsets that count are in the store, together with the events.
    """

    bootstrap_servers: Annotated[tuple[Annotated[str, msgspec.Meta(min_length=1)], ...], msgspec.Meta(min_length=1)]
    topic: str
    group: Annotated[str, msgspec.Meta(min_length=1)] = "exit137-hub"
    client_id: str = "exit137-hub"
    tls: bool = False
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    key_password_file: str | None = None
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] | None = None
    sasl_username: str | None = None
    sasl_password_file: str | None = None
    sasl_token_file: str | None = None


class HubStoreConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    `[hub.store]`: where events and incidents are; the settings of a connection are those of the sink `opensearch`.

    Attributes:
        type: `sqlite`, in the file that `[store]` names, or `opensearch`, in a cluster that several hubs may share.
        index: the beginning of the names of the two indices.
        replicas: the copies of each index besides the first, when the hub makes it.
        max_bytes: what the events may take in the cluster, without replicas; `[store] keep_days` limits their age.
        lease_s: after so long without a sign of the hub that finds incidents, another one does.
    """

    type: Literal["sqlite", "opensearch"] = "sqlite"
    url: Secret | None = None
    url_file: str | None = None
    index: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_-]{0,63}$")] = "exit137-hub"
    replicas: Annotated[int, msgspec.Meta(ge=0, le=9)] = 1
    max_bytes: Annotated[int, msgspec.Meta(ge=1_048_576)] = 10_737_418_240
    lease_s: Annotated[float, msgspec.Meta(ge=1, le=600)] = 15
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=10)] = 5
    api_key_file: str | None = None
    user: str | None = None
    password_file: str | None = None
    headers: Mapping[str, Secret] = {}
    headers_files: Mapping[str, str] = {}
    proxy: Secret | None = None
    proxy_file: str | None = None
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    key_password_file: str | None = None


class HubConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    `[hub]`: the pages and `/v1` of the hub, and its inputs.

    Attributes:
        listen: the address of the pages.
        read_token_file: has the token that readers send; needed unless the address is loopback.
        proxy_header: a header in which a proxy in front names the user that it let in, such as `X-Forwarded-User`.
        trusted_proxies: the addresses from which that header counts.
        hosts: names under which a proxy in front is asked.
    """

    listen: str = "127.0.0.1:9138"
    read_token_file: str | None = None
    proxy_header: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9-]{1,64}$")] | None = None
    trusted_proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    hosts: tuple[str, ...] = ()
    store: HubStoreConfig = HubStoreConfig()
    webhook: HubWebhookConfig | None = None
    kafka: HubKafkaConfig | None = None
