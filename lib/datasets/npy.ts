/** NumPy's .npy files, format versions 1 to 3: numeric arrays, little-endian. */
import { readFile, writeFile } from 'node:fs/promises';
import { argumentError, CascError } from '../errors';
import { onFile } from './file-error';

const types = {
  '<f4': Float32Array,
  '<f8': Float64Array,
  '|u1': Uint8Array,
  '|i1': Int8Array,
  '<i2': Int16Array,
  '<i4': Int32Array,
  '<i8': BigInt64Array,
} as const;

type Descriptor = keyof typeof types;
export type NpyData = InstanceType<(typeof types)[Descriptor]>;

export interface NpyArray {
  /** Dimensions; empty for a scalar. */
  readonly shape: readonly number[];
  /** The elements in C order (last dimension fastest), in the type of the file. */
  readonly data: NpyData;
}

interface Header {
  readonly descriptor: Descriptor;
  readonly fortran: boolean;
  readonly shape: readonly number[];
  /** Where the elements begin. */
  readonly offset: number;
}

const magic = '\x93NUMPY';

/**
 * Reads an array of float32, float64, uint8, int8, int16, int32 or int64. One in Fortran order is brought into C order.
 *
 * @throws CascError ERR_CASC_FILE, ERR_CASC_DATA for what is no such file, truncated or followed by more bytes.
 *
 * @example
 * const { shape, data } = await readNpy('x.npy'); // [2, 3, 32, 32], Float32Array
 */
export async function readNpy(path: string): Promise<NpyArray> {
  const bytes = await onFile(path, (file) => readFile(file));
  const { descriptor, fortran, shape, offset } = readHeader(path, bytes);
  const ArrayType = types[descriptor];
  const count = shape.reduce((product, dim) => product * dim, 1);
  const found = bytes.length - offset;
  const expected = count * ArrayType.BYTES_PER_ELEMENT;
  if (found !== expected) {
    throw wrong(
      path,
      `has ${found} bytes of data, its header (${descriptor}, shape [${shape.join(', ')}]) says ${expected}; it is ${found < expected ? 'truncated' : 'longer than one array'}, write it again`,
    );
  }
  const start = bytes.byteOffset + offset;
  const data = new ArrayType(bytes.buffer.slice(start, start + expected) as ArrayBuffer);
  return { shape, data: fortran ? transposed(data, shape) : data };
}

/**
 * Writes an array as float32, float64, uint8, int8, int16, int32 or int64, after its own type; C order, format version 1.
 *
 * @throws CascError ERR_CASC_ARGUMENT where data and shape do not fit, ERR_CASC_FILE.
 *
 * @example
 * await writeNpy('x.npy', { shape: [1, 1, 28, 28], data: new Float32Array(784) });
 */
export async function writeNpy(path: string, { shape, data }: NpyArray): Promise<void> {
  const descriptor = (Object.keys(types) as Descriptor[]).find((key) => data instanceof types[key]);
  if (!descriptor)
    throw argumentError(
      'data',
      `one of ${Object.values(types)
        .map((type) => type.name)
        .join(', ')}`,
      data,
    );
  const count = shape.reduce((product, dim) => product * dim, 1);
  if (!shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0) || count !== data.length) {
    throw argumentError('shape', `dimensions of ${data.length} elements`, `[${shape.join(', ')}]`);
  }
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${descriptor}', 'fortran_order': False, 'shape': (${dims}), }`;
  // Prefix, text, blanks and the line feed are a multiple of 64 bytes together.
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
  const prefix = Buffer.from(`${magic}\x01\x00\x00\x00`, 'latin1');
  prefix.writeUInt16LE(length, 8);
  const header = Buffer.from(`${text.padEnd(length - 1)}\n`, 'latin1');
  const body = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  await onFile(path, (file) => writeFile(file, Buffer.concat([prefix, header, body])));
}

function readHeader(path: string, bytes: Buffer): Header {
  if (bytes.toString('latin1', 0, 6) !== magic) throw wrong(path, 'is no .npy file; write it with numpy.save');
  const version = bytes[6];
  if (version === undefined || version < 1 || version > 3) {
    throw wrong(path, `is of format version ${version}, expected 1, 2 or 3; write it with numpy.save`);
  }
  const begin = version === 1 ? 10 : 12;
  const length = bytes.length < begin ? 0 : version === 1 ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8);
  const offset = begin + length;
  if (length === 0 || offset > bytes.length) throw wrong(path, 'is truncated within its header; write it again');
  const text = bytes.toString('latin1', begin, offset);
  const descriptor = /'descr'\s*:\s*('[^']*'|\[)/.exec(text)?.[1]?.replaceAll("'", '');
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1];
  const dims = /'shape'\s*:\s*\(([\d\s,]*)\)/.exec(text)?.[1];
  if (descriptor === undefined || order === undefined || dims === undefined) {
    throw wrong(
      path,
      `has the header ${JSON.stringify(text.slice(0, 80))}, expected descr, fortran_order and shape; write it with numpy.save`,
    );
  }
  if (!isDescriptor(descriptor)) {
    const type = descriptor === '[' ? 'records' : descriptor;
    throw wrong(
      path,
      `holds elements of type ${type}, expected one of ${Object.keys(types).join(' ')}; convert it, as in numpy.save(path, x.astype('<f4'))`,
    );
  }
  const shape = dims
    .split(',')
    .map((dim) => dim.trim())
    .filter((dim) => dim !== '')
    .map(Number);
  return { descriptor, fortran: order === 'True', shape, offset };
}

function isDescriptor(text: string): text is Descriptor {
  return Object.hasOwn(types, text);
}

/** Elements from Fortran order (first dimension fastest) to C order. */
function transposed(data: NpyData, shape: readonly number[]): NpyData {
  const out = data.slice();
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((product, dim) => product * dim, 1));
  const index = new Array<number>(shape.length).fill(0);
  let from = 0;
  for (let to = 0; to < data.length; to++) {
    out[to] = data[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}

function wrong(path: string, problem: string): CascError {
  return new CascError('ERR_CASC_DATA', `${path} ${problem}`, { file: path });
}
