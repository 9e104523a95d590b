export { keyStep, readScalars } from "./walk.ts";
