/** The ONNX schema, loaded once by reflection, and the two directions through it. */
import { join } from 'node:path';
import protobuf from 'protobufjs';
import type { ModelProto } from './types';

let modelType: protobuf.Type | undefined;

function modelSchema(): protobuf.Type {
  modelType ??= protobuf.loadSync(join(__dirname, 'onnx.proto')).lookupType('onnx.ModelProto');
  return modelType;
}

/** Throws whatever protobufjs throws on bytes that are no message. */
export function decodeModel(bytes: Uint8Array): ModelProto {
  const type = modelSchema();
  return type.toObject(type.decode(bytes), { longs: Number, arrays: true }) as ModelProto;
}

/** Fields in the order of their numbers: the same model gives the same bytes. */
export function encodeModel(model: ModelProto): Uint8Array {
  const type = modelSchema();
  return type.encode(type.fromObject(model)).finish();
}
