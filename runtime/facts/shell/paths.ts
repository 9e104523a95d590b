/**
 * A path without `.`, `..` and doubled slashes, by its text alone: links are not followed.
 *
 * @param folder where a relative path begins: absolute, or `~` for a home that is not known by name
 * @returns null when it leads above a folder that is not known
 */
export function canonicalPath(path: string, folder: string): string | null {
  const whole = path.startsWith("/") || path === "~" || path.startsWith("~/") ? path : `${folder}/${path}`;
  const atHome = !whole.startsWith("/");
  const parts: string[] = [];
  for (const part of whole.split("/").slice(1)) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.length > 0) parts.pop();
    else if (atHome) return null;
  }
  return atHome ? ["~", ...parts].join("/") : `/${parts.join("/")}`;
}
