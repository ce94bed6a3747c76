import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type NpyData, readNpy, writeNpy } from '../../lib/datasets';
import { caught, temporaryFolder } from './helpers';

const folder = temporaryFolder();
const path = join(folder, 'x.npy');

/** A file as another writer might have made it. */
function npy(header: string, body: Uint8Array, version = 1): string {
  const prefix = Buffer.from(`\x93NUMPY${String.fromCharCode(version)}\0`, 'latin1');
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  if (version === 1) length.writeUInt16LE(header.length);
  else length.writeUInt32LE(header.length);
  writeFileSync(path, Buffer.concat([prefix, length, Buffer.from(header), body]));
  return path;
}

const bytesOf = (data: NpyData) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
const header = (type: string, shape: string, fortran = 'False') =>
  `{'descr': '${type}', 'fortran_order': ${fortran}, 'shape': ${shape}, }\n`;

describe('npy', () => {
  test.each<[NpyData, number[]]>([
    [Float32Array.of(1.5, -2, Number.NaN, 3, 4, 5), [2, 3]],
    [Float64Array.of(Math.PI), []],
    [Uint8Array.of(1, 255), [2]],
    [Int8Array.of(-1, 127), [1, 2, 1]],
    [Int16Array.of(-3000), [1]],
    [Int32Array.of(-3e8, 7), [2]],
    [BigInt64Array.of(-(2n ** 60n)), [1]],
    [new Float32Array(0), [0, 3]],
  ])('what is written is read: %p', async (data, shape) => {
    await writeNpy(path, { shape, data });
    expect(await readNpy(path)).toEqual({ shape, data });
  });

  test('the bytes are those of numpy.save', async () => {
    await writeNpy(path, { shape: [2], data: Float32Array.of(1, 2) });
    const bytes = Buffer.concat([
      Buffer.from(
        "\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }".padEnd(127),
        'latin1',
      ),
      Buffer.from('\n'),
      bytesOf(Float32Array.of(1, 2)),
    ]);
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  test.each([1, 2, 3])('version %i', async (version) => {
    const file = npy(header('<i2', '(3,)'), bytesOf(Int16Array.of(1, 2, 3)), version);
    expect(await readNpy(file)).toEqual({ shape: [3], data: Int16Array.of(1, 2, 3) });
  });

  test('Fortran order becomes C order', async () => {
    // element (i, j, k) is 100i + 10j + k; the first index runs fastest in the file
    const inFile: number[] = [];
    const inC: number[] = [];
    for (let k = 0; k < 4; k++)
      for (let j = 0; j < 3; j++) for (let i = 0; i < 2; i++) inFile.push(100 * i + 10 * j + k);
    for (let i = 0; i < 2; i++) for (let j = 0; j < 3; j++) for (let k = 0; k < 4; k++) inC.push(100 * i + 10 * j + k);
    const file = npy(header('<i4', '(2, 3, 4)', 'True'), bytesOf(Int32Array.from(inFile)));
    expect(await readNpy(file)).toEqual({ shape: [2, 3, 4], data: Int32Array.from(inC) });
  });

  const file = (content: string): string => {
    writeFileSync(path, content, 'latin1');
    return path;
  };
  const floats = bytesOf(Float32Array.of(1, 2, 3));
  test.each<[string, () => string, string]>([
    ['no npy', () => file('hello'), 'is no .npy file; write it with numpy.save'],
    ['version', () => npy('', floats, 9), 'is of format version 9'],
    ['header cut', () => file('\x93NUMPY\x01\0\xff\0{'), 'truncated within its header'],
    ['prefix cut', () => file('\x93NUMPY\x01'), 'truncated within its header'],
    ['header of nonsense', () => npy('nonsense', floats), 'has the header "nonsense"'],
    ['negative dims', () => npy(header('<f4', '(-3,)'), floats), 'has the header'],
    [
      'big-endian',
      () => npy(header('>f4', '(3,)'), floats),
      "elements of type >f4, expected one of <f4 <f8 |u1 |i1 <i2 <i4 <i8; convert it, as in numpy.save(path, x.astype('<f4'))",
    ],
    [
      'records',
      () => npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,), }", floats),
      'elements of type records',
    ],
    [
      'truncated',
      () => npy(header('<f4', '(4,)'), floats),
      'has 12 bytes of data, its header (<f4, shape [4]) says 16; it is truncated',
    ],
    ['too long', () => npy(header('<f4', '(2,)'), floats), 'it is longer than one array'],
    ['absurd shape', () => npy(header('<f4', '(99999999999, 99999999999)'), floats), 'it is truncated'],
  ])('refused: %s', async (_, make, text) => {
    const made = make();
    const error = await caught(() => readNpy(made));
    expect(error.code).toBe('ERR_CASC_DATA');
    expect(error.message).toContain(`${path} `);
    expect(error.message).toContain(text);
    expect(error.where).toEqual({ file: path });
  });

  test('a missing file, a folder that is not there, a wrong shape', async () => {
    expect((await caught(() => readNpy(join(folder, 'none.npy')))).code).toBe('ERR_CASC_FILE');
    const data = Float32Array.of(1);
    expect((await caught(() => writeNpy(join(folder, 'no/x.npy'), { shape: [1], data }))).code).toBe('ERR_CASC_FILE');
    const unsigned = { shape: [1], data: Uint32Array.of(1) as unknown as NpyData };
    expect((await caught(() => writeNpy(path, unsigned))).message).toMatch(
      /^expected one of Float32Array, .* for data/,
    );
    const error = await caught(() => writeNpy(path, { shape: [2], data }));
    expect(error.code).toBe('ERR_CASC_ARGUMENT');
    expect(error.message).toBe('expected dimensions of 1 elements for shape but received "[2]"');
  });
});
