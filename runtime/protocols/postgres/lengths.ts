import { BIND_BYTES_MAX, CONTROL_BYTES_MAX, COPY_BYTES_MAX, STATEMENT_BYTES_MAX } from "./limits.ts";
import { CLIENT } from "./messages.ts";

/** Longest message of a client by type; a type without a row is unknown and ends the connection. */
export const LENGTH_MAX: Readonly<Record<number, number>> = {
  [CLIENT.bind]: BIND_BYTES_MAX,
  [CLIENT.close]: CONTROL_BYTES_MAX,
  [CLIENT.copyData]: COPY_BYTES_MAX,
  [CLIENT.copyDone]: CONTROL_BYTES_MAX,
  [CLIENT.copyFail]: CONTROL_BYTES_MAX,
  [CLIENT.describe]: CONTROL_BYTES_MAX,
  [CLIENT.execute]: CONTROL_BYTES_MAX,
  [CLIENT.flush]: CONTROL_BYTES_MAX,
  [CLIENT.functionCall]: CONTROL_BYTES_MAX,
  [CLIENT.parse]: STATEMENT_BYTES_MAX,
  [CLIENT.query]: STATEMENT_BYTES_MAX,
  [CLIENT.sync]: CONTROL_BYTES_MAX,
  [CLIENT.terminate]: CONTROL_BYTES_MAX,
};
