import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["{base,spec,lang,compiler,runtime,cli,policies,test,tools,bench,editors}/**/*.test.ts"],
    // Against an API server that is built first: `npm run test:kubernetes`, and CI at its end.
    exclude: process.env["KUBE_APISERVER_DIR"] === undefined ? ["test/kubernetes/**"] : [],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // What is waited for comes when it comes: on a loaded machine that may take a while.
    expect: { poll: { timeout: 30_000 } },
    pool: "forks",
    // Vitest leaves one core free, which of two is half: a file mostly waits for servers and clients of its own.
    maxWorkers: "100%",
  },
});
