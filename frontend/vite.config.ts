import { defineConfig, type Plugin } from "vitest/config";

/** Lets the browser fetch what the first script asks for together with that script. */
function preload(): Plugin {
  return {
    name: "preload",
    transformIndexHtml(_, { bundle = {} }) {
      return Object.values(bundle)
        .filter((file) => file.type === "chunk" && file.name === "start")
        .map(({ fileName }) => ({
          tag: "link",
          injectTo: "head" as const,
          attrs: { rel: "modulepreload", crossorigin: true, href: `./${fileName}` },
        }));
    },
  };
}

export default defineConfig({
  base: "./",
  // Style sheets and scripts alike stand in files of their own: the page forbids any other.
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1200,
    modulePreload: { polyfill: false },
  },
  plugins: [preload()],
  server: { proxy: { "/api": "http://127.0.0.1:8080", "/config.json": "http://127.0.0.1:8080" } },
  test: { include: ["test/**/*.test.ts"] },
});
