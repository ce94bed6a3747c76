/** ONNX graphs to networks. */
export { type ImportOptions, importGraph, importModel } from './import';
export { inspect } from './inspect';
export * from './network';
