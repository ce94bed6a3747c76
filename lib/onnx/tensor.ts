/** TensorProto to typed arrays and back. */
import { bufferSourceToDataView } from 'typed-array-utils';
import { CascError } from '../errors';
import { fromBfloat, fromHalf } from './half';
import { DataType, type TensorProto } from './types';

/** What a tensor holds. 16-bit floats are widened to float32, int64 and uint64 are held as numbers, 4-bit integers as bytes. */
export type ElementType =
  | 'float32'
  | 'float64'
  | 'int4'
  | 'uint4'
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'bool';

export type NumericArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array;

export interface OnnxTensor {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly number[];
  /** Row-major. int64 and uint64 lie in a Float64Array, bool in a Uint8Array. */
  readonly data: NumericArray;
}

interface Format {
  type: ElementType;
  /** Bytes of an element in raw_data; 1/2 where two share a byte, the first in its low half. */
  bytes: number;
  create: (length: number) => NumericArray;
  /** Reads raw_data where the bytes are not simply the array's. */
  raw?: (view: DataView, offset: number) => number;
  typed: 'floatData' | 'doubleData' | 'int32Data' | 'int64Data' | 'uint64Data';
  /** Maps an entry of the typed field to a value. */
  entry?: (value: number) => number;
}

const FORMATS: Readonly<Record<number, Format>> = {
  [DataType.FLOAT]: { type: 'float32', bytes: 4, create: (n) => new Float32Array(n), typed: 'floatData' },
  [DataType.DOUBLE]: { type: 'float64', bytes: 8, create: (n) => new Float64Array(n), typed: 'doubleData' },
  [DataType.INT4]: {
    type: 'int4',
    bytes: 0.5,
    create: (n) => new Int8Array(n),
    raw: (view, offset) => (nibble(view, offset) << 28) >> 28,
    typed: 'int32Data',
  },
  [DataType.UINT4]: { type: 'uint4', bytes: 0.5, create: (n) => new Uint8Array(n), raw: nibble, typed: 'int32Data' },
  [DataType.INT8]: { type: 'int8', bytes: 1, create: (n) => new Int8Array(n), typed: 'int32Data' },
  [DataType.UINT8]: { type: 'uint8', bytes: 1, create: (n) => new Uint8Array(n), typed: 'int32Data' },
  [DataType.BOOL]: { type: 'bool', bytes: 1, create: (n) => new Uint8Array(n), typed: 'int32Data' },
  [DataType.INT16]: { type: 'int16', bytes: 2, create: (n) => new Int16Array(n), typed: 'int32Data' },
  [DataType.UINT16]: { type: 'uint16', bytes: 2, create: (n) => new Uint16Array(n), typed: 'int32Data' },
  [DataType.INT32]: { type: 'int32', bytes: 4, create: (n) => new Int32Array(n), typed: 'int32Data' },
  [DataType.UINT32]: { type: 'uint32', bytes: 4, create: (n) => new Uint32Array(n), typed: 'uint64Data' },
  [DataType.INT64]: {
    type: 'int64',
    bytes: 8,
    create: (n) => new Float64Array(n),
    raw: (view, offset) => Number(view.getBigInt64(offset, true)),
    typed: 'int64Data',
  },
  [DataType.UINT64]: {
    type: 'uint64',
    bytes: 8,
    create: (n) => new Float64Array(n),
    raw: (view, offset) => Number(view.getBigUint64(offset, true)),
    typed: 'uint64Data',
  },
  [DataType.FLOAT16]: {
    type: 'float32',
    bytes: 2,
    create: (n) => new Float32Array(n),
    raw: (view, offset) => fromHalf(view.getUint16(offset, true)),
    typed: 'int32Data',
    entry: fromHalf,
  },
  [DataType.BFLOAT16]: {
    type: 'float32',
    bytes: 2,
    create: (n) => new Float32Array(n),
    raw: (view, offset) => fromBfloat(view.getUint16(offset, true)),
    typed: 'int32Data',
    entry: fromBfloat,
  },
};

/** Half of a byte: the low one at a whole offset, the high one half-way to the next. */
function nibble(view: DataView, offset: number): number {
  const byte = view.getUint8(Math.floor(offset));
  return Number.isInteger(offset) ? byte & 15 : byte >> 4;
}

/** Name of a TensorProto.DataType, for messages. */
export function dataTypeName(code: number): string {
  const entry = Object.entries(DataType).find(([, value]) => value === code);
  return entry ? entry[0].toLowerCase() : `data type ${code}`;
}

/** The element type of a TensorProto.DataType, undefined where it is none that nets compute with. */
export function elementTypeOf(code: number): ElementType | undefined {
  return FORMATS[code]?.type;
}

/**
 * Decodes a tensor. Throws ERR_CASC_MODEL, naming the tensor, where the type is not supported, a dimension is not a
 * natural number, or the data is not as long as the dimensions say.
 */
export function decodeTensor(tensor: TensorProto, file: string): OnnxTensor {
  const name = tensor.name || '(unnamed)';
  const fail = (what: string): CascError =>
    new CascError('ERR_CASC_MODEL', `${file}: tensor "${name}" ${what}`, { file, tensor: name });
  const format = FORMATS[tensor.dataType ?? 0];
  if (!format) {
    throw fail(`is of type ${dataTypeName(tensor.dataType ?? 0)}; expected a float, integer or bool type. Convert it.`);
  }
  const dims = tensor.dims ?? [];
  let count = 1;
  for (const dim of dims) {
    if (!Number.isSafeInteger(dim) || dim < 0) throw fail(`has dimensions [${dims}]; expected natural numbers.`);
    count *= dim;
  }
  const raw = tensor.rawData;
  if (raw && raw.length > 0) {
    const bytes = Math.ceil(count * format.bytes);
    if (raw.length !== bytes) {
      throw fail(`holds ${raw.length} bytes, but [${dims}] of its type takes ${bytes}. Is the file whole?`);
    }
    return { name, type: format.type, dims, data: fromRaw(raw, count, format) };
  }
  const entries = tensor[format.typed] ?? [];
  const packed = format.bytes < 1;
  const expected = packed ? Math.ceil(count * format.bytes) : count;
  if (entries.length !== expected) {
    throw fail(`holds ${entries.length} values, but its dimensions [${dims}] take ${expected}. Is the file whole?`);
  }
  if (packed) return { name, type: format.type, dims, data: fromRaw(Uint8Array.from(entries), count, format) };
  const data = format.create(count);
  for (let i = 0; i < count; ++i) data[i] = format.entry ? format.entry(entries[i]!) : entries[i]!;
  return { name, type: format.type, dims, data };
}

function fromRaw(raw: Uint8Array, count: number, format: Format): NumericArray {
  const data = format.create(count);
  if (format.raw) {
    const view = bufferSourceToDataView(raw);
    for (let i = 0; i < count; ++i) data[i] = format.raw(view, i * format.bytes);
  } else {
    // ONNX is little-endian, and so is every machine Node.js runs the addon on.
    new Uint8Array(data.buffer, data.byteOffset, data.byteLength).set(raw);
  }
  return data;
}
