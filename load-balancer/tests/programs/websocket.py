"""A WebSocket client of the standard library (RFC 6455): sends three messages, prints what comes back, and closes."""

import base64
import hashlib
import os
import socket
import sys

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE = 1, 8


def send(stream, kind, payload):
    mask = os.urandom(4)
    masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
    stream.sendall(bytes([0x80 | kind, 0x80 | len(payload)]) + mask + masked)


def receive(reader):
    first, length = reader.read(2)
    return first & 0x0F, reader.read(length)


def main():
    port = int(sys.argv[1])
    with socket.create_connection(("127.0.0.1", port), timeout=60) as stream:
        stream.sendall(
            b"GET /chat HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n" % (port, KEY)
        )
        reader = stream.makefile("rb")
        status = reader.readline()
        assert status.startswith(b"HTTP/1.1 101 "), status
        fields = {}
        while (line := reader.readline()) != b"\r\n":
            name, _, value = line.decode().partition(":")
            fields[name.lower()] = value.strip()
        accept = base64.b64encode(hashlib.sha1(KEY + GUID).digest()).decode()
        assert fields["sec-websocket-accept"] == accept, fields
        assert fields["upgrade"].lower() == "websocket", fields
        assert fields["connection"].lower() == "upgrade", fields
        for text in (b"one", b"two", b"three"):
            send(stream, TEXT, text)
            kind, payload = receive(reader)
            assert (kind, payload) == (TEXT, text), (kind, payload)
            print(payload.decode())
        send(stream, CLOSE, b"\x03\xe8")
        assert receive(reader) == (CLOSE, b"\x03\xe8")
        assert reader.read() == b"", "the connection ends"
        print("closed")


main()
