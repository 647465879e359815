"""Calls tools through FastMCP's client; arguments and lines as in mcp_client.py."""

import asyncio
import json
import sys

from fastmcp import Client
from fastmcp.client.transports import StdioTransport


def say(value):
    print(json.dumps(value), flush=True)


def wire(model):
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


async def main(target, mode):
    server = target["url"] if "url" in target else StdioTransport(**target)
    async with Client(server, mode=mode) as client:
        tools = await client.list_tools_mcp()
        say({"protocol": client.protocol_version, "tools": wire(tools)["tools"]})
        while line := await asyncio.to_thread(sys.stdin.readline):
            call = json.loads(line)
            # What a refused call says is compared too, so it must not become an exception.
            say(wire(await client.call_tool_mcp(call["tool"], call["arguments"])))


asyncio.run(main(json.loads(sys.argv[1]), sys.argv[2]))
