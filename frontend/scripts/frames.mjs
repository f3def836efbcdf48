/** Write src/live/generated.ts: the messages of the socket, from docs/asyncapi.json. Run by `make contracts`. */
import { readFileSync, writeFileSync } from "node:fs";

import { compile } from "json-schema-to-typescript";

const document = JSON.parse(readFileSync("../docs/asyncapi.json", "utf8"));
const { components, operations, channels } = document;

/** Return the schema names of what one side says. */
function said(operation) {
  return operations[operation].messages.map(({ $ref }) => {
    const { $ref: message } = channels.realtime.messages[$ref.split("/").at(-1)];
    return components.messages[message.split("/").at(-1)].payload.$ref.split("/").at(-1);
  });
}

const union = (name, names) => ({ title: name, oneOf: names.map((one) => ({ $ref: `#/components/schemas/${one}` })) });
const [server, client] = [said("send"), said("receive")];
const schema = {
  title: "Frames",
  type: "object",
  additionalProperties: false,
  required: ["server", "client"],
  properties: { server: union("ServerMessage", server), client: union("ClientMessage", client) },
  components: { schemas: components.schemas },
};
// Every message's kind by its type, so that the page knows at run time what it understands.
const types = [...new Set(server.map((name) => components.schemas[name].properties.type.enum?.[0] ?? components.schemas[name].properties.type.const))];
const text = await compile(schema, "Frames", { bannerComment: "/* Written by `make contracts` from docs/asyncapi.json. */", additionalProperties: false, format: false });
writeFileSync("src/live/generated.ts", `${text}\nexport const SERVER_TYPES = ${JSON.stringify(types)} as const;\n`);
