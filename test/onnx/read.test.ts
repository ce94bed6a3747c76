/** Reading ONNX files: what is wrong with a file is said, whatever the bytes. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { CascError } from '../../lib/errors';
import { importGraph } from '../../lib/graph';
import {
  DataType,
  decodeTensor,
  getMetadata,
  makeModel,
  makeNode,
  makeTensor,
  type OnnxModel,
  parseModel,
  readModel,
  setMetadata,
  type TensorProto,
  type TensorType,
  valueInfo,
  writeModel,
} from '../../lib/onnx';

const golden = join(__dirname, '../golden/small-avg-q4.onnx');

function model(initializer = makeTensor('w', [2], [1, 2]), opset = 13): OnnxModel {
  return makeModel({
    nodes: [makeNode('Mul', ['x', 'w'], ['y'])],
    inputs: [valueInfo('x', ['N', 2])],
    outputs: [valueInfo('y', ['N', 2])],
    initializers: [initializer],
    opset,
    metadata: { 'casc.levels': '8' },
  });
}

function errorOf(run: () => unknown): CascError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(CascError);
    return error as CascError;
  }
  throw new Error('expected an error');
}

const parse = (bytes: Uint8Array) => parseModel(bytes, { file: 'net.onnx' });

describe('readModel', () => {
  test('reads, and what it writes is what it read', async () => {
    const read = await readModel(golden);
    expect(read.opset).toBe(13);
    expect(read.hash).toMatch(/^[0-9a-f]{64}$/);
    expect(Buffer.compare(Buffer.from(writeModel(read)), readFileSync(golden))).toBe(0);
  });

  test('a missing file and a folder', async () => {
    await expect(readModel('/nowhere/net.onnx')).rejects.toMatchObject({ code: 'ERR_CASC_FILE' });
    await expect(readModel(tmpdir())).rejects.toMatchObject({ code: 'ERR_CASC_FILE' });
  });
});

describe('parseModel', () => {
  test.each([
    ['empty', new Uint8Array(), 'the file is empty'],
    ['PNG', Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), 'not an ONNX model'],
    ['text', Buffer.from('hello, this is no model at all\n'.repeat(20)), 'not an ONNX model'],
    ['zeros', new Uint8Array(100), 'not an ONNX model'],
    [
      'a Git LFS pointer',
      Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:31cb\nsize 998169\n'),
      'not an ONNX model',
    ],
    ['a huge length', Buffer.from([0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x00]), 'not an ONNX model'],
    ['groups without end', Buffer.alloc(100_000, 0x0b), 'not an ONNX model'],
  ])('%s', (_, bytes, message) => {
    const error = errorOf(() => parse(bytes));
    expect(error.code).toBe('ERR_CASC_MODEL');
    expect(error.message).toContain(message);
    expect(error.where).toEqual({ file: 'net.onnx' });
  });

  test('opsets', () => {
    for (const opset of [9, 21]) expect(parse(writeModel(model(undefined, opset))).opset).toBe(opset);
    for (const opset of [8, 22])
      expect(errorOf(() => parse(writeModel(model(undefined, opset)))).message).toContain(
        `opset ${opset}; expected 9 to 21`,
      );
    const none = model();
    none.proto.opsetImport = [{ domain: 'com.microsoft', version: 1 }];
    expect(errorOf(() => parse(writeModel(none))).message).toContain('names no opset');
  });

  test('every truncation gives a typed error or a model', () => {
    const bytes = readFileSync(golden);
    for (let end = 0; end < bytes.length; end += end < 400 ? 1 : 37) survive(bytes.subarray(0, end));
  });

  test('flipped bits give a typed error or a model', () => {
    const bytes = readFileSync(golden);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (flips) => {
          const copy = Buffer.from(bytes);
          for (const [at, value] of flips) copy[at] = value;
          survive(copy);
        },
      ),
      { numRuns: 1500, interruptAfterTimeLimit: 20_000, seed: 1 },
    );
  });

  /** The head of the file, where names, dims and attributes are dense. */
  test('flipped bits in a model without weights', () => {
    const bytes = Buffer.from(writeModel(small()));
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
        const copy = Buffer.from(bytes);
        copy[at] = value;
        survive(copy);
      }),
      { numRuns: 3000, interruptAfterTimeLimit: 20_000, seed: 2 },
    );
  });

  function small(): OnnxModel {
    const nodes = [
      makeNode('Conv', ['x', 'w'], ['a'], { pads: [1, 1, 1, 1], strides: [2, 2], group: 2 }),
      makeNode('AveragePool', ['a'], ['b'], { kernel_shape: [2, 2], ceil_mode: 1, count_include_pad: 1 }),
      makeNode('Slice', ['b', 's', 'e', 's', 'e'], ['c']),
      makeNode('Reshape', ['b', 'r'], ['d']),
      makeNode('Transpose', ['d'], ['f'], { perm: [0, 2, 1] }),
      makeNode('Concat', ['f', 'f'], ['g'], { axis: 2 }),
      makeNode('Softmax', ['g'], ['y'], { axis: 1 }),
    ];
    return makeModel({
      nodes,
      inputs: [valueInfo('x', ['N', 2, 5, 5])],
      outputs: [valueInfo('y', []), valueInfo('c', [])],
      initializers: [
        makeTensor('w', [2, 1, 1, 1], [1, 2]),
        makeTensor('s', [1], [0], 'int64'),
        makeTensor('e', [1], [1], 'int64'),
        makeTensor('r', [3], [1, 2, -1], 'int64'),
      ],
    });
  }

  function survive(bytes: Uint8Array): void {
    try {
      importGraph(parse(bytes), { strict: false });
    } catch (error) {
      if (!(error instanceof CascError)) throw error;
    }
  }
});

describe('external data', () => {
  let home: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'casc-onnx-'));
    mkdirSync(join(home, 'model'));
    writeFileSync(join(home, 'secret.bin'), Buffer.alloc(64, 1));
    writeFileSync(join(home, 'model', 'w.bin'), Buffer.from(Float32Array.of(9, 1.5, 2.5, 9).buffer));
  });
  afterEach(() => rmSync(home, { recursive: true }));

  function external(entries: Record<string, string>): string {
    const tensor: TensorProto = {
      name: 'w',
      dims: [2],
      dataType: DataType.FLOAT,
      dataLocation: 1,
      externalData: Object.entries(entries).map(([key, value]) => ({ key, value })),
    };
    const path = join(home, 'model', 'net.onnx');
    writeFileSync(path, writeModel(model(tensor)));
    return path;
  }

  test('is read, hashed and written inside', async () => {
    const path = external({ location: 'w.bin', offset: '4', length: '8' });
    const read = await readModel(path);
    expect(decodeTensor(read.proto.graph.initializer![0]!, path).data).toEqual(Float32Array.of(1.5, 2.5));
    const { hash } = read;
    writeFileSync(join(home, 'model', 'w.bin'), Buffer.from(Float32Array.of(9, 1.5, 3, 9).buffer));
    expect((await readModel(path)).hash).not.toBe(hash);
    expect(decodeTensor(parse(writeModel(read)).proto.graph.initializer![0]!, '').data).toEqual(
      Float32Array.of(1.5, 2.5),
    );
  });

  test.each([
    ['../secret.bin', 'outside'],
    ['sub/../../secret.bin', 'outside'],
    ['..\\secret.bin', 'outside'],
    ['/etc/passwd', 'outside'],
    ['C:\\secret.bin', 'outside'],
    ['w.bin\0.txt', 'outside'],
    ['link.bin', 'outside'],
    ['folder/secret.bin', 'outside'],
    ['.', 'is not a file'],
  ])('location %j', async (location, message) => {
    symlinkSync(join(home, 'secret.bin'), join(home, 'model', 'link.bin'));
    symlinkSync(home, join(home, 'model', 'folder'));
    const error = await readModel(external({ location })).catch((caught: CascError) => caught);
    expect(error).toMatchObject({ code: 'ERR_CASC_MODEL', where: { tensor: 'w' } });
    expect((error as CascError).message).toContain(message);
  });

  test.each([
    [{ location: 'w.bin', offset: '4', length: '400' }, 'takes bytes 4 to 404 of "w.bin", which has 16'],
    [{ location: 'w.bin', offset: '17' }, 'Is it whole?'],
    [{ location: 'w.bin', offset: '-4', length: '8' }, 'has offset "-4"; expected a natural number'],
    [{ location: 'w.bin', length: '1e3' }, 'has length "1e3"'],
    [{ location: 'w.bin', length: '9999999999999999999999' }, 'expected a natural number'],
    [{}, 'names no location'],
  ] as [Record<string, string>, string][])('%j', async (entries, message) => {
    await expect(readModel(external(entries))).rejects.toMatchObject({
      code: 'ERR_CASC_MODEL',
      message: expect.stringContaining(message),
    });
  });

  test('a missing data file, and a model read from memory', async () => {
    const path = external({ location: 'none.bin' });
    await expect(readModel(path)).rejects.toMatchObject({
      code: 'ERR_CASC_FILE',
      message: expect.stringContaining('none.bin'),
    });
    expect(errorOf(() => parse(readFileSync(path))).message).toContain('read from memory');
  });

  test('too little data for the dims', async () => {
    const path = external({ location: 'w.bin', length: '4' });
    const read = await readModel(path);
    expect(errorOf(() => importGraph(read)).message).toContain('tensor "w" holds 4 bytes, but [2] of its type takes 8');
  });
});

describe('tensors', () => {
  const types: [TensorType, number[]][] = [
    ['float32', [1.5, -2, Number.POSITIVE_INFINITY]],
    ['float64', [0.1, -2, 3]],
    ['int4', [-8, 7, -1]],
    ['uint4', [15, 0, 9]],
    ['int8', [-128, 127, 0]],
    ['uint8', [0, 255, 7]],
    ['int16', [-32768, 32767, 0]],
    ['uint16', [0, 65535, 1]],
    ['int32', [-(2 ** 31), 2 ** 31 - 1, 0]],
    ['uint32', [0, 2 ** 32 - 1, 5]],
    ['int64', [-(2 ** 53), 2 ** 53, 2 ** 63]],
    ['bool', [0, 1, 1]],
  ];
  test.each(types)('%s', (type, values) => {
    const tensor = decodeTensor(makeTensor('t', [3], values, type), 'f');
    expect(tensor).toMatchObject({ name: 't', type, dims: [3] });
    expect(Array.from(tensor.data)).toEqual(values);
  });

  test('typed fields', () => {
    const decode = (tensor: TensorProto) => Array.from(decodeTensor({ name: 't', dims: [2], ...tensor }, 'f').data);
    expect(decode({ dataType: DataType.FLOAT, floatData: [1, 2.5] })).toEqual([1, 2.5]);
    expect(decode({ dataType: DataType.DOUBLE, doubleData: [1, 0.1] })).toEqual([1, 0.1]);
    expect(decode({ dataType: DataType.INT8, int32Data: [-1, 5] })).toEqual([-1, 5]);
    expect(decode({ dataType: DataType.INT4, int32Data: [0x8f] })).toEqual([-1, -8]);
    expect(decode({ dataType: DataType.UINT4, int32Data: [0x8f] })).toEqual([15, 8]);
    expect(decode({ dataType: DataType.BOOL, int32Data: [1, 0] })).toEqual([1, 0]);
    expect(decode({ dataType: DataType.INT64, int64Data: [-1, 5] })).toEqual([-1, 5]);
    expect(decode({ dataType: DataType.UINT32, uint64Data: [1, 5] })).toEqual([1, 5]);
    expect(decode({ dataType: DataType.FLOAT16, int32Data: [0x3c00, 0xc000] })).toEqual([1, -2]);
    expect(decode({ dataType: DataType.BFLOAT16, int32Data: [0x3f80, 0xc000] })).toEqual([1, -2]);
  });

  test('16-bit floats', () => {
    const raw = (dataType: number, bits: number[]) =>
      Array.from(
        decodeTensor({ dims: [bits.length], dataType, rawData: new Uint8Array(Uint16Array.from(bits).buffer) }, 'f')
          .data,
      );
    const half = raw(DataType.FLOAT16, [0x3555, 0x0001, 0x83ff, 0x7bff, 0x7c00, 0xfc00, 0x7e00, 0x8000]);
    expect(half).toEqual([
      0.333251953125,
      2 ** -24,
      -1023 * 2 ** -24,
      65504,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
      -0,
    ]);
    expect(raw(DataType.BFLOAT16, [0x3eab, 0x7f80, 0x7fc0])).toEqual([
      0.333984375,
      Number.POSITIVE_INFINITY,
      Number.NaN,
    ]);
  });

  test.each([
    [{ dims: [3], dataType: 1, rawData: new Uint8Array(8) }, 'holds 8 bytes, but [3] of its type takes 12'],
    [{ dims: [3], dataType: 22, rawData: new Uint8Array(3) }, 'holds 3 bytes, but [3] of its type takes 2'],
    [{ dims: [3], dataType: 22, int32Data: [1] }, 'holds 1 values, but its dimensions [3] take 2'],
    [{ dims: [3], dataType: 1, floatData: [1] }, 'holds 1 values, but its dimensions [3] take 3'],
    [{ dims: [-1], dataType: 1 }, 'has dimensions [-1]; expected natural numbers'],
    [{ dims: [], dataType: 8 }, 'is of type string'],
    [{ dims: [], dataType: 17 }, 'is of type data type 17'],
    [{ dims: [2 ** 40, 2 ** 40], dataType: 1, floatData: [1] }, 'holds 1 values'],
  ] as [TensorProto, string][])('%j', (tensor, message) => {
    expect(errorOf(() => decodeTensor({ name: 't', ...tensor }, 'f')).message).toContain(`f: tensor "t" ${message}`);
  });
});

describe('writing', () => {
  test('the same model gives the same bytes; metadata can be set', () => {
    expect(writeModel(model())).toEqual(writeModel(model()));
    const changed = model();
    setMetadata(changed, 'casc.levels', '4');
    setMetadata(changed, 'casc.task', 'classification');
    expect(getMetadata(parse(writeModel(changed)))).toEqual({ 'casc.levels': '4', 'casc.task': 'classification' });
    expect(importGraph(changed)).toMatchObject({
      metadata: getMetadata(changed),
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });
});
