import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Signed {
  readonly certificate: Buffer;
  readonly key: Buffer;
}

/** An authority with certificates for servers on this machine and for clients, made by openssl. */
/** @param names each a common name, or a whole subject such as `/O=group/CN=name`, which is then its name here */
export function certificates(names: readonly string[]): {
  readonly ca: Buffer;
  readonly of: Readonly<Record<string, Signed>>;
} {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-pki-"));
  const openssl = (...args: readonly string[]): void => {
    const ran = spawnSync("openssl", args, { cwd: folder, encoding: "utf8" });
    if (ran.status !== 0) throw new Error(ran.stderr);
  };
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  try {
    openssl("req", "-x509", ...newKey, "-days", "2", "-subj", "/CN=test-ca", "-keyout", "ca.key", "-out", "ca.crt");
    writeFileSync(
      join(folder, "ext"),
      "basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=IP:127.0.0.1,DNS:localhost\n",
    );
    const of: Record<string, Signed> = {};
    for (const [i, name] of names.entries()) {
      openssl(
        "req",
        ...newKey,
        "-subj",
        name.startsWith("/") ? name : `/CN=${name}`,
        "-keyout",
        "one.key",
        "-out",
        "one.csr",
      );
      const signing = [
        "-CA",
        "ca.crt",
        "-CAkey",
        "ca.key",
        "-set_serial",
        String(i + 1),
        "-days",
        "2",
        "-extfile",
        "ext",
      ];
      openssl("x509", "-req", "-in", "one.csr", ...signing, "-out", "one.crt");
      of[name] = { certificate: readFileSync(join(folder, "one.crt")), key: readFileSync(join(folder, "one.key")) };
    }
    return { ca: readFileSync(join(folder, "ca.crt")), of };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
