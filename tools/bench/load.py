"""Browsers that stay connected and ask again as soon as they are answered, in their own process.

`python -m tools.bench.load URL SECONDS` prints how many answers of what status came, and the time.
"""

import argparse
import asyncio
import itertools
import json
import time
from collections import Counter
from urllib.parse import urlsplit

from tools.bench.proxy_events import AGENT

CONNECTIONS = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="its path may have {number}, which counts from 0 to 9")
    parser.add_argument("seconds", type=float)
    options = parser.parse_args()
    started = time.perf_counter()
    statuses = asyncio.run(_ask(options.url, options.seconds))
    print(json.dumps({"statuses": statuses, "seconds": time.perf_counter() - started}))


async def _ask(url: str, seconds: float) -> dict[str, int]:
    address = urlsplit(url)
    target = f"{address.path}?{address.query}" if address.query else address.path
    requests = [_request(target, address.netloc, number) for number in range(10)]
    deadline = time.perf_counter() + seconds
    statuses: Counter[str] = Counter()

    async def one_browser() -> None:
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        for request in itertools.cycle(requests):
            if time.perf_counter() >= deadline:
                break
            writer.write(request)
            statuses[await _status(reader)] += 1
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(one_browser() for _ in range(CONNECTIONS)))
    return dict(statuses)


def _request(target: str, host: str, number: int) -> bytes:
    lines = (
        f"GET {target.replace('{number}', str(number))} HTTP/1.1",
        f"Host: {host}",
        f"User-Agent: {AGENT}",
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "Accept-Language: en-GB,en;q=0.9",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def _status(reader: asyncio.StreamReader) -> str:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status, *headers = head.split("\r\n")
    for header in headers:
        name, _, value = header.partition(":")
        if name.lower() == "content-length":
            await reader.readexactly(int(value))
    return status.split(" ")[1]


if __name__ == "__main__":
    main()
