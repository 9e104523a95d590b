// policyc as a few files: a module costs a fifth of a millisecond to find and load, and a check is made of some 350. Each
// command stays a file of its own, loaded when it is used; what several commands need is shared between them, once.
import { copyFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Packages that go into the files: small parts of packages of many files. All others stay where npm puts them. */
const TAKEN_IN = /^(@?chevrotain\b|msgpackr\b)/;

/** @param dist folder of the compiled sources; its `cli/policyc.js` is replaced by the bundled one */
export async function bundlePolicyc(dist) {
  const out = join(dist, "cli");
  const bundle = await rolldown({
    input: { policyc: join(out, "policyc.js") },
    platform: "node",
    // msgpackr without its native reader, which takes longer to load than policyc would use it.
    resolve: { alias: { msgpackr: join(root, "node_modules/msgpackr/index.js") } },
    external: (id) => /^[@a-z]/i.test(id) && !TAKEN_IN.test(id),
  });
  try {
    const { output } = await bundle.write({
      dir: out,
      format: "esm",
      entryFileNames: "policyc.js",
      chunkFileNames: "policyc/[name]-[hash].js",
      comments: { legal: true },
    });
    for (const { fileName, code } of output)
      if (code?.includes("import.meta"))
        throw new Error(`${fileName} asks where it stands, which is elsewhere once it is bundled`);
  } finally {
    await bundle.close();
  }
  for (const name of ["chevrotain", "msgpackr"]) {
    const licence = name === "msgpackr" ? "LICENSE" : "LICENSE.txt";
    copyFileSync(join(root, "node_modules", name, licence), join(out, "policyc", `LICENSE.${name}.txt`));
  }
}
