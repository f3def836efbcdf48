import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";

import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** Lay a .br beside each text file: whitenoise serves it to browsers that take it. */
function compress(): Plugin {
  return {
    name: "compress",
    apply: "build",
    writeBundle({ dir }) {
      const assets = join(dir ?? "dist", "assets");
      for (const name of readdirSync(assets)) {
        if (!/\.(js|css|svg)$/.test(name)) continue;
        writeFileSync(join(assets, `${name}.br`), brotliCompressSync(readFileSync(join(assets, name))));
      }
    },
  };
}

// Django serves the built files below /static/; the manifest tells it their names.
export default defineConfig({
  base: "/static/",
  plugins: [react(), compress()],
  build: {
    manifest: "manifest.json",
    outDir: "dist",
    assetsDir: "assets",
    // The page's CSP allows no data: scripts or styles, and small files compress better on their own.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: { input: { main: "src/main.tsx" } },
  },
  server: { host: "127.0.0.1", port: 5173, strictPort: true },
});
