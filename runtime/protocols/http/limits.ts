/** Bytes of a request's or response's head, up to and with its empty line. */
export const HEAD_BYTES_MAX = 32 * 1024;
/** Fields of a head. */
export const FIELDS_MAX = 128;
/** Characters of a request's target, as sent. */
export const TARGET_CHARS_MAX = 8 * 1024;
/** Segments of a path. */
export const SEGMENTS_MAX = 256;
/** Fields of a query or of a form. */
export const QUERY_FIELDS_MAX = 1_000;
/** Characters of a method. */
export const METHOD_CHARS_MAX = 32;
/** Bytes of one line that says how long a chunk is, and of all trailer fields together. */
export const CHUNK_LINE_BYTES_MAX = 64;
export const TRAILER_BYTES_MAX = 8 * 1024;
/** Largest chunk that is taken, in bytes. */
export const CHUNK_BYTES_MAX = 0x7fff_ffff;
/** Interim answers (1xx) before the real one. */
export const INTERIM_MAX = 16;
/** Bytes of a request's body that are read for a rule's facts, or held for an approval. */
export const BODY_READ_BYTES_MAX = 1024 * 1024;
/** Parts of a multipart body, and bytes of a part's own head. */
export const PARTS_MAX = 200;
export const PART_HEAD_BYTES_MAX = 8 * 1024;
/** Bytes of a WebSocket message that is masked or recorded whole, and of a control frame. */
export const MESSAGE_BYTES_MAX = 1024 * 1024;
export const CONTROL_FRAME_BYTES_MAX = 125;
/** Largest frame that passes unread. */
export const FRAME_BYTES_MAX = 64 * 1024 * 1024;
/** Characters of a GraphQL document, its tokens, and the depth of its selections. */
export const GRAPHQL_CHARS_MAX = 256 * 1024;
export const GRAPHQL_TOKENS_MAX = 20_000;
export const GRAPHQL_DEPTH_MAX = 64;
/** Operations sent in one list. */
export const GRAPHQL_BATCH_MAX = 20;
/** Places that a GraphQL operation asks for, after its fragments are put in. */
export const GRAPHQL_FIELDS_MAX = 20_000;
