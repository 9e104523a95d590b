import {
  fieldOf,
  introspectionBody,
  writeRequestHead,
  type Field,
  type ResponseHead,
} from "../../protocols/http/index.ts";
import { err, ok, type Result } from "../../../base/result.ts";
import { OWN_ANSWER_BYTES_MAX } from "./limits.ts";
import type { UpstreamPool } from "./upstream.ts";

/** Asks a target for its GraphQL schema, with the gateway's own credential. The answer's text, or why there is none. */
export async function askSchema(
  pool: UpstreamPool,
  path: string,
  fields: readonly Field[],
): Promise<Result<string, string>> {
  const body = Buffer.from(introspectionBody());
  const head = writeRequestHead("POST", path, [
    ...fields,
    ["content-type", "application/json"],
    ["accept", "application/json"],
    ["accept-encoding", "identity"],
    ["content-length", String(body.length)],
  ]);
  const connection = pool.idle() ?? (await pool.open());
  if (typeof connection === "string") return err(connection);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let answer: ResponseHead | null = null;
    connection.send("POST", Buffer.concat([Buffer.from(head, "latin1"), body]), true, {
      head(one) {
        answer = one;
        return true;
      },
      data(chunk) {
        bytes += chunk.length;
        if (bytes <= OWN_ANSWER_BYTES_MAX) chunks.push(chunk);
        else {
          connection.abandon();
          resolve(err(`its schema is longer than ${OWN_ANSWER_BYTES_MAX} bytes`));
        }
      },
      end() {
        if (answer?.status !== 200)
          return resolve(err(`it answered ${answer?.status ?? 0} to the question for its schema`));
        if (fieldOf(answer.fields, "content-encoding") !== undefined)
          return resolve(err("its answer is coded though that was not asked for"));
        resolve(ok(Buffer.concat(chunks).toString("utf8")));
      },
      failed: (why) => resolve(err(why)),
      drain: () => undefined,
    });
  });
}
