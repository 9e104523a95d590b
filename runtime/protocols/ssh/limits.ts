/** Longest SFTP packet. OpenSSH's own server takes no longer one. */
export const SFTP_PACKET_BYTES_MAX = 256 * 1024;
/** Longest path in a packet. */
export const SFTP_PATH_BYTES_MAX = 4_096;
/** Longest handle (draft-ietf-secsh-filexfer-02, section 4). */
export const SFTP_HANDLE_BYTES_MAX = 256;
/** Requests that wait for the server at once. */
export const SFTP_PENDING_MAX = 2_048;
/** Handles that are open at once. */
export const SFTP_HANDLES_MAX = 1_024;
/** Longest user name with target: `ana%web01`. */
export const SIGN_IN_NAME_CHARS_MAX = 256;
/** Longest variable name and value that a client may set. */
export const ENVIRONMENT_BYTES_MAX = 32 * 1024;
/** Variables that a client may set on one channel. */
export const ENVIRONMENT_MAX = 128;
/** Longest line that is typed at the gateway's own prompt. */
export const LINE_CHARS_MAX = 16 * 1024;
/** Lines that the gateway's own prompt remembers. */
export const HISTORY_MAX = 500;
