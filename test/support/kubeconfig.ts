import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { kubeconfigCommand } from "../../cli/commands/kubeconfig.ts";
import { quietIo } from "./gateway.ts";

/**
 * Writes a token and a kubeconfig for each person into a gateway's folder, as `sallyport kubeconfig` makes it; kubectl runs
 * the command from its sources as its credential plugin.
 *
 * @param tokens service tokens by the person's name, which names the files: `ana.token`, `ana.kubeconfig`
 */
export async function writeKubeconfigs(
  folder: string,
  server: string,
  tokens: Readonly<Record<string, string>>,
): Promise<void> {
  const plugin = join(folder, "sallyport-plugin");
  const source = join(import.meta.dirname, "../../cli/sallyport.ts");
  writeFileSync(plugin, `#!/bin/sh\nexec "${process.execPath}" "${source}" "$@"\n`, { mode: 0o700 });
  for (const [name, token] of Object.entries(tokens)) {
    writeFileSync(join(folder, `${name}.token`), token, { mode: 0o600 });
    await kubeconfigCommand(
      [
        ...["--server", server, "--target", "cluster", "--ca", "ca.crt", "--token-file", `${name}.token`],
        ...["--command", plugin, "-o", `${name}.kubeconfig`],
      ],
      quietIo(folder, []),
    );
  }
}
