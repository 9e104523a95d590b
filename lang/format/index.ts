export { formatText } from "./print.ts";
