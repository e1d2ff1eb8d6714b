// Makes the types of the API from the server's own OpenAPI document: an interface for each schema, and one table
// `Routes` from "METHOD /path" to what goes in and comes out. The type checker then holds the pages to it.
import { readFileSync, writeFileSync } from "node:fs";

const quoted = (name) => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name));

/** The TypeScript type of one JSON schema of the document. */
function typeOf(schema) {
  if (schema === undefined || schema === true) return "unknown";
  if (schema.$ref) return schema.$ref.split("/").at(-1);
  const any = schema.anyOf ?? schema.oneOf;
  if (any) return any.map(typeOf).join(" | ");
  if (schema.enum) return schema.enum.map((v) => JSON.stringify(v)).join(" | ");
  const kinds = [schema.type ?? (schema.properties ? "object" : undefined)].flat();
  return kinds.map((kind) => typeOfKind(kind, schema)).join(" | ");
}

function typeOfKind(kind, schema) {
  switch (kind) {
    case "null":
      return "null";
    case "boolean":
    case "string":
      return kind;
    case "integer":
    case "number":
      return "number";
    case "array":
      return `(${typeOf(schema.items)})[]`;
    case "object":
      return schema.properties ? `{ ${members(schema)} }` : "Record<string, unknown>";
    default:
      return "unknown";
  }
}

function members(schema) {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {})
    .map(([name, s]) => `${quoted(name)}${required.has(name) ? "" : "?"}: ${typeOf(s)};`)
    .join(" ");
}

function parametersOf(route, place) {
  const found = (route.parameters ?? []).filter((p) => p.in === place);
  if (found.length === 0) return undefined;
  return `{ ${found.map((p) => `${quoted(p.name)}${p.required ? "" : "?"}: ${typeOf(p.schema)};`).join(" ")} }`;
}

function answerOf(route) {
  const good = Object.entries(route.responses).find(([status]) => status.startsWith("2"))?.[1];
  if (!good?.content) return "undefined";
  const [type, body] = Object.entries(good.content)[0];
  return type === "application/json" ? typeOf(body.schema) : "string";
}

function bodyOf(route) {
  const content = route.requestBody?.content;
  return content?.["application/json"] ? typeOf(content["application/json"].schema) : undefined;
}

/** The whole module as text. */
export function apiTypes(document) {
  const lines = ["// Made by web/tools/api-types.mjs from the server's OpenAPI document."];
  for (const [name, schema] of Object.entries(document.components?.schemas ?? {}))
    lines.push(
      schema.properties
        ? `export interface ${name} { ${members(schema)} }`
        : `export type ${name} = ${typeOf(schema)};`,
    );
  lines.push("export interface Routes {");
  for (const [path, methods] of Object.entries(document.paths))
    for (const [method, route] of Object.entries(methods)) {
      if (!route.responses) continue;
      const parts = {
        path: parametersOf(route, "path"),
        query: parametersOf(route, "query"),
        body: bodyOf(route),
        answer: answerOf(route),
      };
      const text = Object.entries(parts)
        .filter(([, t]) => t !== undefined)
        .map(([k, t]) => `${k}: ${t};`);
      lines.push(`  ${JSON.stringify(`${method.toUpperCase()} ${path}`)}: { ${text.join(" ")} };`);
    }
  lines.push("}");
  return `${lines.join("\n")}\n`;
}

/** Writes the module when it changed (so that nothing rebuilds for nothing). */
export function writeApiTypes(openapi, target) {
  const text = apiTypes(JSON.parse(readFileSync(openapi, "utf8")));
  let old = "";
  try {
    old = readFileSync(target, "utf8");
  } catch {
    // the first time
  }
  if (old !== text) writeFileSync(target, text);
}
