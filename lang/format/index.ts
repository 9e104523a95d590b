export { formatText, printExpr, printInPlaceOf, printText } from "./print.ts";
