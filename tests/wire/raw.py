"""A client that makes its frames by hand, for what no library would send."""

import json
import os
import socket
import struct

PATIENCE_S = 60.0
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Raw:
    """A socket after its handshake. ``receive_buffer`` bounds what the kernel takes for a client that does not read."""

    def __init__(self, port, receive_buffer=None, extensions=""):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(("127.0.0.1", port))
        self.data = b""
        request = (
            f"GET /ws/realtime HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{extensions}\r\n"
        )
        self.socket.sendall(request.encode())
        while b"\r\n\r\n" not in self.data:
            self._more()
        head, _, self.data = self.data.partition(b"\r\n\r\n")
        assert b" 101 " in head, head

    def _more(self):
        chunk = self.socket.recv(65536)
        if not chunk:
            raise EOFError
        self.data += chunk

    def _take(self, size):
        while len(self.data) < size:
            self._more()
        taken, self.data = self.data[:size], self.data[size:]
        return taken

    def send(self, opcode, payload=b"", final=True, masked=True):
        size = len(payload)
        head = bytes([final << 7 | opcode])
        bit = 128 if masked else 0
        head += bytes([bit | size]) if size < 126 else bytes([bit | 126]) + struct.pack(">H", size)
        mask = os.urandom(4) if masked else b""
        body = bytes(b ^ mask[i % 4] for i, b in enumerate(payload)) if masked else payload
        self.socket.sendall(head + mask + body)

    def say(self, **message):
        self.send(TEXT, json.dumps(message).encode())

    def frame(self):
        """Return the next frame: opcode, payload. It must be whole, unmasked, and not compressed."""
        first, second = self._take(2)
        assert first & 0xF0 == 0x80, f"{first:08b}"
        assert second < 128, "masked"
        size = second
        if size == 126:
            (size,) = struct.unpack(">H", self._take(2))
        elif size == 127:
            (size,) = struct.unpack(">Q", self._take(8))
        return first & 15, self._take(size)

    def until(self, wanted):
        """Return the payload of the next frame with that opcode."""
        while True:
            opcode, payload = self.frame()
            if opcode == wanted:
                return payload

    def message(self, *kinds):
        """Return the next message of one of ``kinds``, as text."""
        while True:
            text = self.until(TEXT).decode()
            if json.loads(text)["type"] in kinds:
                return text

    def close_code(self):
        """Read to the end. Return the code of the close frame, 1006 if there is none."""
        try:
            (code,) = struct.unpack(">H", self.until(CLOSE)[:2])
        except (EOFError, ConnectionError):
            return 1006
        return code

    def end(self):
        self.socket.close()
