/** How long a piece of output may be held back because a masked value might begin in it. */
export const HOLD_BACK_MS = 50;
/** Of a session's output at most so many bytes are kept in its recording. */
export const RECORDED_BYTES_MAX = 64 * 1024 * 1024;
/** After one side of a stream closed, the other has so long for its rest. */
export const DRAIN_MS = 2_000;
/** Of a line with a terminal's size, and of the status at an exec's end, so many bytes are looked at. */
export const SPDY_MESSAGE_BYTES_MAX = 64 * 1024;
