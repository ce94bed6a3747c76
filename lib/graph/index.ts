/** ONNX graphs to networks. */

export { classCount, classesOf } from './classes';
export { type ImportOptions, importGraph, importModel } from './import';
export { inspect } from './inspect';
export * from './network';
