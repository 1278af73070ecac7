"""Where the benchmarks deliver to: answers every HTTP request and every MLLP frame at once.

python scripts/floors/sink.py mllp|http|orders PORT
"""

import asyncio
import sys

import uvloop

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
SAVED = b'{"code":"0"}'
PLACED = '{"code":"0","data":{"orderNo":"B20261120001","queueNo":"7","doctor":"李医生","amount":"25.50"}}'.encode()


class Mllp(asyncio.Protocol):
    def __init__(self) -> None:
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\x1c\r")) >= 0:
            raw, self.buffer = self.buffer[1:end], self.buffer[end + 2 :]
            parts = raw.split(b"|", 10)
            control = parts[9] if len(parts) > 9 else b"1"
            self.transport.write(b"\x0bMSH|^~\\&|B|B|A|A|20261120||ACK|1|P|2.4\rMSA|AA|" + control + b"\r\x1c\r")


class Http(asyncio.Protocol):
    def __init__(self, answer: bytes = SAVED) -> None:
        self.buffer = b""
        self.answer = HEAD % len(answer) + answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (head := self.buffer.find(b"\r\n\r\n")) >= 0:
            length = 0
            for line in self.buffer[:head].split(b"\r\n")[1:]:
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            if len(self.buffer) < head + 4 + length:
                return
            self.buffer = self.buffer[head + 4 + length :]
            self.transport.write(self.answer)


async def main(kind: str, port: int) -> None:
    kinds = {"http": Http, "orders": lambda: Http(PLACED), "mllp": Mllp}
    server = await asyncio.get_running_loop().create_server(kinds[kind], "127.0.0.1", port)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2])))
