/** Detection: a detector's outputs to boxes, and how good these are. */
export { checkDecoder } from './check-decoder';
export { type ClassMap, cocoClasses, mapClasses } from './class-names';
export { type CocoFigures, cocoFigures } from './coco';
export { type Decoder, type DecoderOptions, decoderSchema, parseDecoder } from './decoder';
export { decoders } from './decoders';
export { type DetectOptions, detect } from './detect';
export type { Detection, ImageDetections } from './detection';
export { type VocFigures, type VocOptions, vocFigures } from './voc';
