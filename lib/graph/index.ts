/** ONNX graphs to networks. */
export { type ImportOptions, importGraph, importModel } from './import';
export * from './network';
