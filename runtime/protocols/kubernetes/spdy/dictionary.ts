/** Strings of the dictionary that stand behind their own length. */
const COUNTED =
  "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow authorization cache-control connection content-base content-encoding content-language content-length content-location content-md5 content-range content-type date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade user-agent vary via warning www-authenticate method get status";
const VALUES = ["200 OK", "version", "HTTP/1.1", "url", "public", "set-cookie", "keep-alive", "origin"];
/** What follows without lengths. */
const PLAIN =
  "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505" +
  "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized" +
  "403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable" +
  "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT" +
  "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript," +
  "publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

/** With what both sides' compression of fields begins (SPDY/3, section 2.6.10.1). */
export const DICTIONARY: Buffer = Buffer.concat([
  ...[...COUNTED.split(" "), ...VALUES].map((text) => {
    const out = Buffer.alloc(4 + text.length, text);
    out.writeUInt32BE(text.length, 0);
    out.write(text, 4, "latin1");
    return out;
  }),
  Buffer.from(PLAIN, "latin1"),
]);

const ADLER_MODULUS = 65_521;

/** By which a compressed text names its dictionary: the Adler-32 sum of it (RFC 1950). */
export const DICTIONARY_ID: number = (() => {
  let [low, high] = [1, 0];
  for (const byte of DICTIONARY) {
    low = (low + byte) % ADLER_MODULUS;
    high = (high + low) % ADLER_MODULUS;
  }
  return high * 65_536 + low;
})();
