// Calls tools through the TypeScript client of version 2; arguments and lines as in mcp_client.py. The mode is that of
// its version negotiation, or `default` for none given.

import { createInterface } from "node:readline";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

const say = (value) => console.log(JSON.stringify(value));
const target = JSON.parse(process.argv[2]);
const mode = process.argv[3];
const transport = target.url ? new StreamableHTTPClientTransport(new URL(target.url)) : new StdioClientTransport(target);

const options = mode === "default" ? {} : { versionNegotiation: { mode } };
const client = new Client({ name: "baton-tests", version: "1" }, options);
await client.connect(transport);
const { tools } = await client.listTools();
say({ protocol: client.getNegotiatedProtocolVersion(), tools });
for await (const line of createInterface({ input: process.stdin })) {
  const call = JSON.parse(line);
  say(await client.callTool({ name: call.tool, arguments: call.arguments }));
}
await client.close();
