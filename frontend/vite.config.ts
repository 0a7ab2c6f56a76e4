import { defineConfig } from "vitest/config";

export default defineConfig({
  base: "./",
  // Style sheets and scripts alike stand in files of their own: the page forbids any other.
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1200,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { "/api": "http://127.0.0.1:8080", "/config.json": "http://127.0.0.1:8080" } },
  test: { include: ["test/**/*.test.ts"] },
});
