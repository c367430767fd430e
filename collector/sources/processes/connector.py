"""
The socket of the kernel's process connector: subscribes, receives events, counts what was lost.

A BPF program on the socket drops the events that the agent does not need while they are still in the kernel
(socket_filter.py). Only the kernel is trusted: a datagram of another sender is garbage. Needs CAP_NET_ADMIN, and the
host's PID and network namespaces, because no other namespace gets these events. See
Documentation/driver-api/connector.rst and drivers/connector/cn_proc.c.
"""

import errno
import os
import socket
import struct
from array import array
from contextlib import suppress
from enum import IntEnum
from typing import Final, Self

from collector.sources.base import PrivilegeError, SourceError, SourceMissingError
from collector.sources.processes.socket_filter import INSTRUCTION_BYTES, wanted_events
from parsers.proc_event import CN_IDX_PROC, CN_VAL_PROC, DATAGRAM_BYTES, ProcAck, parse_proc_event

# Constants that Python's socket module lacks: linux/netlink.h and asm-generic/socket.h.
_NETLINK_CONNECTOR: Final = 11
_SO_ATTACH_FILTER: Final = 26
_SO_RCVBUFFORCE: Final = 33
_SO_MEMINFO: Final = 55
# The words of SO_MEMINFO; the last one, SK_MEMINFO_DROPS, counts dropped datagrams (linux/sock_diag.h).
_MEMINFO: Final = struct.Struct("=9I")
_NLMSG_DONE: Final = 3
# struct nlmsghdr, struct cn_msg, and the operation.
_REQUEST: Final = struct.Struct("=IHHII IIIIHHI")
_OPERATION_BYTES: Final = 4
_REMEDY: Final = "grant CAP_NET_ADMIN (AmbientCapabilities=CAP_NET_ADMIN)"


class _Operation(IntEnum):
    LISTEN = 1
    IGNORE = 2


class OverrunError(Exception):
    """
    Raised when the receive buffer was full, so that the kernel dropped events.
    """


class ProcessConnector:
    """
    A subscription to fork, exec and exit of all processes of the host; use it as a context manager.

    Args:
        receive_buffer_bytes: size of the receive buffer; the kernel doubles it, and an event takes 832 bytes.

    Raises:
        SourceMissingError: this kernel, or this namespace, has no process connector.
        PrivilegeError: subscribing is not permitted.
        SourceError: subscribing failed.
    """

    def __init__(self, receive_buffer_bytes: int) -> None:
        self._buffer = bytearray(DATAGRAM_BYTES * 2)
        self.garbage = 0
        self._socket = _socket()
        try:
            self._subscribe(receive_buffer_bytes)
        except SourceError:
            self._socket.close()
            raise
        except OSError as error:
            self._socket.close()
            raise _refused(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fileno(self) -> int:
        """
        Return the socket's descriptor, so that the loop can wait for it.
        """
        return self._socket.fileno()

    def receive(self) -> bytearray | None:
        """
        Return the next datagram, valid until the next call; None if there is none now.

        Raises:
            OverrunError: the kernel dropped events; the next call continues after them.
            SourceError: reading failed.
        """
        while True:
            try:
                size, (sender, _groups) = self._socket.recvfrom_into(self._buffer)
            except BlockingIOError:
                return None
            except OSError as error:
                if error.errno == errno.ENOBUFS:
                    raise OverrunError from error
                raise SourceError(f"reading the process connector failed: {error.strerror}") from error
            if sender == 0 and size == DATAGRAM_BYTES:
                return self._buffer
            self.garbage += 1

    def dropped(self) -> int:
        """
        Return how many events the kernel has dropped since the subscription; always 0 before Linux 4.12.
        """
        try:
            info = self._socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
        except OSError:
            return 0
        drops: int = _MEMINFO.unpack(info)[-1]
        return drops

    def close(self) -> None:
        """
        Unsubscribe and close; before Linux 6.6 the kernel would otherwise go on producing events for no reader.
        """
        with suppress(OSError):
            self._request(_Operation.IGNORE, 0)
        self._socket.close()

    def _subscribe(self, receive_buffer_bytes: int) -> None:
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, receive_buffer_bytes)
        self._attach_filter()
        self._socket.bind((0, CN_IDX_PROC))
        number = self._socket.getsockname()[0] & 0x7FFFFFFF
        self._request(_Operation.LISTEN, number)
        error = self._answer(number + 1)
        if error:
            raise OSError(error, os.strerror(error))

    def _attach_filter(self) -> None:
        code = array("B", wanted_events())
        address, size = code.buffer_info()
        program = struct.pack("@HP", size // INSTRUCTION_BYTES, address)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)

    def _request(self, operation: _Operation, number: int) -> None:
        header = (_REQUEST.size, _NLMSG_DONE, 0, 0, 0)
        body = (CN_IDX_PROC, CN_VAL_PROC, 0, number, _OPERATION_BYTES, 0, operation)
        self._socket.send(_REQUEST.pack(*header, *body))

    def _answer(self, number: int) -> int:
        """
        Return the errno of the kernel's answer, which arrives before the request returns or not at all.
        """
        while True:
            try:
                datagram = self.receive()
            except OverrunError:
                continue
            if datagram is None:
                why = "the process connector works only in the host's PID and user namespaces (run with --pid=host)"
                raise SourceMissingError(why)
            event = parse_proc_event(datagram)
            if isinstance(event, ProcAck) and event.number == number:
                return event.error


def _socket() -> socket.socket:
    try:
        return socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, _NETLINK_CONNECTOR)
    except OSError as error:
        raise _refused(error) from error


def _refused(error: OSError) -> SourceError:
    match error.errno:
        case errno.EPERM | errno.EACCES:
            return PrivilegeError("reading the process connector is not permitted", _REMEDY)
        case errno.EPROTONOSUPPORT | errno.EAFNOSUPPORT:
            return SourceMissingError("the kernel has no process connector (CONFIG_PROC_EVENTS)")
        case errno.ECONNREFUSED:
            why = "the process connector works only in the host's network namespace (run with --network=host)"
            return SourceMissingError(why)
        case _:
            return SourceError(f"the process connector cannot be opened: {error.strerror}")
