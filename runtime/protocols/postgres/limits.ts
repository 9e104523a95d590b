/** Every bound of this protocol, by name. Bytes count the whole message unless said otherwise. */

/** The first packet of a connection: startup parameters, SSLRequest, cancel request. The server's own limit is 10,000. */
export const STARTUP_BYTES_MAX = 10_000;
/** Parameters in a startup packet. */
export const STARTUP_PARAMETERS_MAX = 64;
/** One password or SASL message. A bearer token of 20 kB fits. */
export const PASSWORD_BYTES_MAX = 64 * 1024;
/** A Query or Parse message. The statement itself has a (lower) limit of its own in the analyser. */
export const STATEMENT_BYTES_MAX = 2 * 1024 * 1024;
/** A Bind message: bound values may be large objects. */
export const BIND_BYTES_MAX = 64 * 1024 * 1024;
/** Any other message of a client, but for CopyData. */
export const CONTROL_BYTES_MAX = 64 * 1024;
/** One CopyData of a client. */
export const COPY_BYTES_MAX = 64 * 1024 * 1024;
/** A message of the server that must be held whole to be read: everything but rows and copy data that pass untouched. */
export const SERVER_CONTROL_BYTES_MAX = 4 * 1024 * 1024;
/** A row that is masked must be held whole, for its length is written before its fields. */
export const ROW_BYTES_MAX = 64 * 1024 * 1024;
/** A row that the record shows is waited for up to this length; of a longer one it shows what came first. */
export const SAMPLED_ROW_BYTES_MAX = 64 * 1024;
/** Most columns of a result; PostgreSQL's own limit is 1,664. */
export const COLUMNS_MAX = 1_664;
/** Most parameters of a Bind: the count is sixteen bits. */
export const PARAMETERS_MAX = 65_535;
/** Named statements and named portals that one session may hold open. */
export const STATEMENTS_MAX = 10_000;
export const PORTALS_MAX = 10_000;
/** Messages sent upstream whose answers are still to come. Past it the client is not read. */
export const IN_FLIGHT_MAX = 100_000;
/** Client bytes kept while a statement waits for its decision. Past it the client is not read. */
export const HELD_BYTES_MAX = 1024 * 1024;
/** Length of a cancel key: 4 in protocol 3.0, up to 256 in 3.2. */
export const CANCEL_KEY_BYTES_MAX = 256;
