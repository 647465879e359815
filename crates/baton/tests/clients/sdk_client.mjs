// Calls tools through the TypeScript SDK of version 1; arguments and lines as in mcp_client.py. It knows one mode.

import { createInterface } from "node:readline";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const say = (value) => console.log(JSON.stringify(value));
const target = JSON.parse(process.argv[2]);
const transport = target.url ? new StreamableHTTPClientTransport(new URL(target.url)) : new StdioClientTransport(target);

// The client tells nobody but its transport which revision was agreed on.
let protocol;
const told = transport.setProtocolVersion?.bind(transport);
transport.setProtocolVersion = (version) => {
  protocol = version;
  told?.(version);
};

const client = new Client({ name: "baton-tests", version: "1" });
await client.connect(transport);
const { tools } = await client.listTools();
say({ protocol, tools });
for await (const line of createInterface({ input: process.stdin })) {
  const call = JSON.parse(line);
  say(await client.callTool({ name: call.tool, arguments: call.arguments }));
}
await client.close();
