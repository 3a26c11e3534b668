"""uvicorn's HTTP protocol with a bound on the head of a request: httptools itself has none."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/problem+json\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%b"
)
BODY = (
    b'{"type":"/problems/request-header-fields-too-large","title":"Request header fields too large","status":431,'
    b'"detail":"the head of the request has more than %d bytes","valid":"a shorter one","remedy":"send less"}'
)


class Bounded(HttpToolsProtocol):
    """Answers 431 and hangs up once more of a head came than uvicorn's `h11_max_incomplete_event_size` allows.

    Counts what comes between the end of one request and the end of the next one's head.
    """

    _come = 0
    _in_head = True

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._come += len(data)
        super().data_received(data)
        most = self.config.h11_max_incomplete_event_size or 0
        if self._in_head and self._come > most and not self.transport.is_closing():
            body = BODY % most
            self.transport.write(HEAD % (len(body), body))
            self.transport.close()

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_head, self._come = True, 0
