import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["{base,spec,lang,compiler,runtime,cli,policies,test,tools,bench,editors}/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: "forks",
  },
});
