/** Answers about texts that one fact keeps; past it they are worked out anew. Texts come from clients. */
export const KEPT_TEXTS_MAX = 4096;
/** Longer texts are not kept. UTF-16 code units. */
export const KEPT_TEXT_LENGTH_MAX = 256;
/** Words of bits that the rows of one fact may take; past it they are dropped and made again. */
export const ROW_WORDS_MAX = 4 * 1024 * 1024;
