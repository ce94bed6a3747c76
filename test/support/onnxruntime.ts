/**
 * onnxruntime under Jest: results come from outside Jest's context and its `instanceof Float32Array` would refuse them.
 * Import it from here.
 */
Object.defineProperty(Float32Array, Symbol.hasInstance, {
  value: (value: unknown) => Object.prototype.toString.call(value) === '[object Float32Array]',
});

export { InferenceSession, Tensor } from 'onnxruntime-node';
