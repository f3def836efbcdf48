import { defineConfig } from "@hey-api/openapi-ts";

// Written by `make contracts`; the document comes from `manage.py spectacular`.
export default defineConfig({
  input: "node_modules/.cache/openapi.json",
  output: { path: "src/api/generated", postProcess: [] },
  plugins: ["@hey-api/typescript"],
});
