/** Builders of ONNX models: for the files that casc-snn writes, and for tests. */
import { bufferSourceToDataView } from 'typed-array-utils';
import type { ElementType, NumericArray } from './tensor';
import {
  type AttributeProto,
  AttributeType,
  DataType,
  type DimensionProto,
  type NodeProto,
  type OnnxModel,
  type TensorProto,
  type ValueInfoProto,
} from './types';

/** An attribute's value. Numbers are ints where they are whole, unless marked by `float()`. */
export type AttributeValue = number | string | Float | TensorProto | readonly number[] | readonly string[] | Floats;

interface Float {
  readonly float: number;
}

interface Floats {
  readonly floats: readonly number[];
}

/** Marks a whole number (or list) as a float attribute: makeNode('Clip', …, { min: float(0) }). */
export function float(value: number): Float;
export function float(value: readonly number[]): Floats;
export function float(value: number | readonly number[]): Float | Floats {
  return typeof value === 'number' ? { float: value } : { floats: value };
}

const utf8 = new TextEncoder();

function attribute(name: string, value: AttributeValue): AttributeProto {
  if (typeof value === 'string') return { name, type: AttributeType.STRING, s: utf8.encode(value) };
  if (typeof value === 'number') {
    if (Number.isInteger(value)) return { name, type: AttributeType.INT, i: value };
    return { name, type: AttributeType.FLOAT, f: value };
  }
  if ('float' in value) return { name, type: AttributeType.FLOAT, f: value.float };
  if ('floats' in value) return { name, type: AttributeType.FLOATS, floats: [...value.floats] };
  if (!isList(value)) return { name, type: AttributeType.TENSOR, t: value };
  if (value.some((item) => typeof item === 'string')) {
    return { name, type: AttributeType.STRINGS, strings: value.map((item) => utf8.encode(String(item))) };
  }
  if (value.every((item) => Number.isInteger(item))) return { name, type: AttributeType.INTS, ints: value.map(Number) };
  return { name, type: AttributeType.FLOATS, floats: value.map(Number) };
}

function isList(value: object): value is readonly (number | string)[] {
  return Array.isArray(value);
}

export function makeNode(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, AttributeValue | undefined>> = {},
  name = '',
  domain = '',
): NodeProto {
  const list = Object.entries(attributes).filter((entry): entry is [string, AttributeValue] => entry[1] !== undefined);
  return {
    input: [...inputs],
    output: [...outputs],
    ...(name ? { name } : {}),
    opType,
    attribute: list.map(([key, value]) => attribute(key, value)),
    ...(domain ? { domain } : {}),
  };
}

/** What makeTensor writes. */
export type TensorType = Exclude<ElementType, 'uint64'>;

const WRITERS: Record<TensorType, { code: number; bytes: number; set: (v: DataView, at: number, x: number) => void }> =
  {
    float32: { code: DataType.FLOAT, bytes: 4, set: (v, at, x) => v.setFloat32(at, x, true) },
    float64: { code: DataType.DOUBLE, bytes: 8, set: (v, at, x) => v.setFloat64(at, x, true) },
    int4: { code: DataType.INT4, bytes: 0.5, set: setNibble },
    uint4: { code: DataType.UINT4, bytes: 0.5, set: setNibble },
    int8: { code: DataType.INT8, bytes: 1, set: (v, at, x) => v.setInt8(at, x) },
    uint8: { code: DataType.UINT8, bytes: 1, set: (v, at, x) => v.setUint8(at, x) },
    int16: { code: DataType.INT16, bytes: 2, set: (v, at, x) => v.setInt16(at, x, true) },
    uint16: { code: DataType.UINT16, bytes: 2, set: (v, at, x) => v.setUint16(at, x, true) },
    int32: { code: DataType.INT32, bytes: 4, set: (v, at, x) => v.setInt32(at, x, true) },
    uint32: { code: DataType.UINT32, bytes: 4, set: (v, at, x) => v.setUint32(at, x, true) },
    int64: { code: DataType.INT64, bytes: 8, set: (v, at, x) => v.setBigInt64(at, toInt64(x), true) },
    bool: { code: DataType.BOOL, bytes: 1, set: (v, at, x) => v.setUint8(at, x ? 1 : 0) },
  };

/** Two 4-bit integers share a byte: the first is its low half. */
function setNibble(view: DataView, at: number, x: number): void {
  const byte = Math.floor(at);
  view.setUint8(byte, view.getUint8(byte) | ((x & 15) << (byte === at ? 0 : 4)));
}

/** A whole number as int64; what is beyond its range becomes its end. */
function toInt64(x: number): bigint {
  if (x >= 2 ** 63) return 2n ** 63n - 1n;
  return x <= -(2 ** 63) ? -(2n ** 63n) : BigInt(x);
}

/** A tensor with its values in raw_data, little-endian. `values` must be as many as the dims say. */
export function makeTensor(
  name: string,
  dims: readonly number[],
  values: ArrayLike<number> & (readonly number[] | NumericArray),
  type: TensorType = 'float32',
): TensorProto {
  const { code, bytes, set } = WRITERS[type];
  const rawData = new Uint8Array(Math.ceil(values.length * bytes));
  const view = bufferSourceToDataView(rawData);
  for (let i = 0; i < values.length; ++i) set(view, i * bytes, values[i]!);
  return { dims: [...dims], dataType: code, name, rawData };
}

/** A graph input or output. A string is a symbolic dimension. */
export function valueInfo(
  name: string,
  dims: readonly (number | string)[],
  type: TensorType = 'float32',
): ValueInfoProto {
  const dim = dims.map((d): DimensionProto => (typeof d === 'number' ? { dimValue: d } : { dimParam: d }));
  return { name, type: { tensorType: { elemType: WRITERS[type].code, shape: { dim } } } };
}

export interface ModelParts {
  nodes: readonly NodeProto[];
  inputs: readonly ValueInfoProto[];
  outputs: readonly ValueInfoProto[];
  initializers?: readonly TensorProto[];
  opset?: number;
  name?: string;
  /** Further operator sets. */
  domains?: Readonly<Record<string, number>>;
  metadata?: Readonly<Record<string, string>>;
  file?: string;
}

/** First IR version that allows each opset; runtimes refuse a file whose IR is newer than they are. */
function irVersionOf(opset: number): number {
  if (opset <= 9) return 4;
  if (opset === 10) return 5;
  if (opset === 11) return 6;
  if (opset <= 14) return 7;
  if (opset <= 18) return 8;
  if (opset <= 20) return 9;
  return 10;
}

/** A model in memory. The default opset is 13. */
export function makeModel(parts: ModelParts): OnnxModel {
  const opset = parts.opset ?? 13;
  const domains = Object.entries(parts.domains ?? {}).map(([domain, version]) => ({ domain, version }));
  const model: OnnxModel = {
    file: parts.file ?? '(memory)',
    hash: '',
    opset,
    proto: {
      irVersion: irVersionOf(opset),
      producerName: 'casc-snn',
      opsetImport: [{ domain: '', version: opset }, ...domains],
      graph: {
        node: [...parts.nodes],
        name: parts.name ?? 'graph',
        initializer: [...(parts.initializers ?? [])],
        input: [...parts.inputs],
        output: [...parts.outputs],
      },
      metadataProps: [],
    },
  };
  for (const [key, value] of Object.entries(parts.metadata ?? {})) setMetadata(model, key, value);
  return model;
}

/** metadata_props as an object. */
export function getMetadata(model: OnnxModel): Record<string, string> {
  const pairs = (model.proto.metadataProps ?? []).map(({ key, value }): [string, string] => [key ?? '', value ?? '']);
  return Object.fromEntries(pairs);
}

/** Sets one entry of metadata_props, replacing the one of that key. */
export function setMetadata(model: OnnxModel, key: string, value: string): void {
  model.proto.metadataProps ??= [];
  const entry = model.proto.metadataProps.find((pair) => pair.key === key);
  if (entry) entry.value = value;
  else model.proto.metadataProps.push({ key, value });
}
