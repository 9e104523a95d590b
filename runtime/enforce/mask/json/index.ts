export { NO_PLACES, placeOfElement, placeOfKey, placeState, type PlaceState, type Places } from "./automaton.ts";
export { EventMasker, HIDDEN_DATA, eventWord, type EventMask, type EventWord } from "./events.ts";
export { JsonStreamMasker, type TextScan } from "./masker.ts";
export { readFieldPattern, type FieldPattern } from "./path.ts";
export { maskOfName, maskText, planBody, type BodyMasks, type ScanMaker } from "./plan.ts";
export { FORM_BYTES_MAX, FORM_PARTS_MAX } from "./limits.ts";
