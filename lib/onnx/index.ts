/** ONNX files: read, checked, decoded, built and written. */
export {
  type AttributeValue,
  float,
  getMetadata,
  type ModelParts,
  makeModel,
  makeNode,
  makeTensor,
  setMetadata,
  type TensorType,
  valueInfo,
} from './build';
export { parseModel, readModel } from './read';
export {
  dataTypeName,
  decodeTensor,
  type ElementType,
  elementTypeOf,
  type NumericArray,
  type OnnxTensor,
} from './tensor';
export {
  type AttributeProto,
  AttributeType,
  DataType,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type OnnxModel,
  type TensorProto,
  type ValueInfoProto,
} from './types';
export { hashOf, writeModel } from './write';
