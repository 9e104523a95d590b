import type { NormalRequest } from "../../protocols/http/index.ts";
import type { ClientConnection } from "./client.ts";
import { FORM_BYTES_MAX } from "./limits.ts";

/** The fields of a form that a browser sends; null when it is none, too long, cut off, or names a field twice. */
export async function readForm(
  client: ClientConnection,
  request: NormalRequest,
): Promise<ReadonlyMap<string, string> | null> {
  if (request.contentType?.type !== "application/x-www-form-urlencoded") return null;
  const body = await new Promise<Buffer | null>((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    client.readBodyInto({
      data(chunk) {
        bytes += chunk.length;
        if (bytes > FORM_BYTES_MAX) resolve(null);
        else chunks.push(Buffer.from(chunk));
        return true;
      },
      end: () => resolve(Buffer.concat(chunks)),
      failed: () => resolve(null),
    });
  });
  if (body === null) return null;
  const fields = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(body.toString("utf8"))) {
    if (fields.has(name)) return null;
    fields.set(name, value);
  }
  return fields;
}
