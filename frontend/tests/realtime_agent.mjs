// A voice agent of OpenAI's, as anybody would write it, against a house of ours: what it did and saw, as JSON.
// Run by tests/web/test_agents_realtime.py with the address of the socket and a key.
import { RealtimeAgent, RealtimeSession, tool } from "@openai/agents-realtime";

const [url, apiKey] = process.argv.slice(2);
const asked = [];
const weather = tool({
  name: "weather",
  description: "How the weather is in a city.",
  parameters: {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
    additionalProperties: false,
  },
  strict: true,
  execute: async (input) => {
    asked.push(input);
    return JSON.stringify({ degrees: 3 });
  },
});

const agent = new RealtimeAgent({ name: "Chad", instructions: "Answer in one sentence.", tools: [weather] });
const session = new RealtimeSession(agent, { transport: "websocket" });
const seen = { errors: [], ends: [], audio: 0, interrupted: 0, events: [] };
session.on("error", (event) => seen.errors.push(JSON.stringify(event.error?.error ?? event.error ?? String(event))));
session.on("agent_end", (_context, _agent, text) => seen.ends.push(text));
session.on("audio", (event) => (seen.audio += event.data.byteLength));
session.on("audio_interrupted", () => (seen.interrupted += 1));
session.on("transport_event", (event) => seen.events.push(event.type));

const limit = setTimeout(() => {
  console.error(JSON.stringify(seen));
  process.exit(2);
}, 60_000);

async function until(holds) {
  while (!holds()) await new Promise((go) => setTimeout(go, 20));
}

await session.connect({ url, apiKey });
session.sendMessage("Do you like rain?");
await until(() => seen.ends.length === 1);
const first = seen.audio;

session.sendMessage("How is the weather in Oslo?");
await until(() => seen.ends.length >= 2 && asked.length === 1 && seen.ends.some((text) => text.includes("3 degrees")));

const before = seen.audio;
session.sendMessage("Tell me a long story.");
await until(() => seen.audio > before);
await new Promise((go) => setTimeout(go, 600));
session.interrupt();
await until(() => seen.events.includes("conversation.item.truncated"));
await until(() => seen.events.filter((kind) => kind === "conversation.item.retrieved").length >= 1);

session.sendMessage("What did you say?");
const count = seen.ends.length;
await until(() => seen.ends.length > count);

const history = session.history.map((item) => ({
  type: item.type,
  role: item.role,
  name: item.name,
  output: item.output,
  text: item.content?.map((part) => part.text ?? part.transcript ?? "").join(" "),
}));
clearTimeout(limit);
console.log(JSON.stringify({ ...seen, first, asked, history, usage: session.usage }));
session.close();
process.exit(0);
