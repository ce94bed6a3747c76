/** ONNX graphs to networks. */
export { type ImportOptions, importGraph, importModel, inspect } from './import';
export * from './network';
