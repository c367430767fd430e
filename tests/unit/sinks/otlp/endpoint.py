"""
A stand-in for an endpoint of OTLP over HTTP, which decodes requests with the official library.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse

from tests.shared.web import serving

Answer = tuple[int, ExportLogsServiceResponse]


def accepted(_ids: list[str]) -> Answer:
    return 200, ExportLogsServiceResponse()


@dataclass(slots=True, kw_only=True)
class Endpoint:
    """
    The endpoint.

    Attributes:
        port: where it listens.
        requests: the ids of the records of each request.
        answer: decides about each request.
    """

    port: int = 0
    requests: list[list[str]] = field(default_factory=list)
    answer: Callable[[list[str]], Answer] = accepted

    async def take(self, request: web.Request) -> web.Response:
        """
        Answer an export request.
        """
        assert request.content_type == "application/x-protobuf"
        ids = _ids(ExportLogsServiceRequest.FromString(await request.read()))
        self.requests.append(ids)
        status, response = self.answer(ids)
        return web.Response(status=status, body=response.SerializeToString(), content_type="application/x-protobuf")


@asynccontextmanager
async def endpoint(port: int = 0) -> AsyncIterator[Endpoint]:
    """
    Run an endpoint for the duration of the context.
    """
    found = Endpoint()
    async with serving({"/v1/logs": found.take}, port) as found.port:
        yield found


def _ids(request: ExportLogsServiceRequest) -> list[str]:
    return [
        attribute.value.string_value
        for logs in request.resource_logs
        for scoped in logs.scope_logs
        for record in scoped.log_records
        for attribute in record.attributes
        if attribute.key == "log.record.uid"
    ]
