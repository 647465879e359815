"""Calls tools through the official Python client.

    mcp_client.py TARGET MODE

TARGET is `{"url": …}` or `{"command": …, "args": […]}`, MODE is the client's: auto, legacy or a revision. The first line
on stdout is `{"protocol": …, "tools": […]}`. Then each line on stdin, `{"tool": …, "arguments": {…}}`, is answered by a
line with the tool's result.
"""

import asyncio
import json
import sys

from mcp import Client, StdioServerParameters


def say(value):
    print(json.dumps(value), flush=True)


def wire(model):
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


async def main(target, mode):
    server = target["url"] if "url" in target else StdioServerParameters(**target)
    async with Client(server, mode=mode) as client:
        tools = await client.list_tools()
        say({"protocol": client.protocol_version, "tools": wire(tools)["tools"]})
        while line := await asyncio.to_thread(sys.stdin.readline):
            call = json.loads(line)
            say(wire(await client.call_tool(call["tool"], call["arguments"])))


asyncio.run(main(json.loads(sys.argv[1]), sys.argv[2]))
