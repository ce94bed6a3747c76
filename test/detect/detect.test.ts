import fc from 'fast-check';
import { type ImageGeometry, imageGeometry, parseInputScaling } from '../../lib/datasets';
import { type Decoder, type DecoderOptions, type Detection, decoders, detect, parseDecoder } from '../../lib/detect';
import { caught } from '../datasets/helpers';

/** An image that is the network's input, pixel by pixel. */
const plain = (width: number, height = width) => imageGeometry({ width, height }, parseInputScaling({}));

const logit = (p: number) => Math.log(p / (1 - p));

describe('FastestDet', () => {
  // A map of 2x3 cells; 16 pixels each.
  const cells = 6;
  const geometry = plain(48, 32);

  function map(cell: number, [objectness, tx, ty, tw, th, label, p]: number[]): Float32Array {
    const values = new Float32Array(85 * cells);
    [objectness!, tx!, ty!, tw!, th!].forEach((value, channel) => {
      values[channel * cells + cell] = value;
    });
    values[(5 + label!) * cells + cell] = p!;
    return values;
  }

  test('a box worked out by hand', () => {
    // Cell 4 is row 1, column 1: cx = (1 + tanh(tx))·16 = (1 + 0.5)·16 = 24, cy = (1 − 0.25)·16 = 12;
    // w = 48·sigmoid(tw) = 48·0.25 = 12, h = 32·0.5 = 16. Score 0.5^0.6 · 0.25^0.4 = 2^(−0.6−0.8) = 2^−1.4.
    const output = map(4, [0.5, Math.atanh(0.5), Math.atanh(-0.25), logit(0.25), 0, 7, 0.25]);
    expect(detect([output], decoders.fastestdet, geometry)).toEqual([[7, 0.3789291, 18, 4, 30, 20]]);
  });

  test('in the pixels of an image that was stretched', () => {
    const output = map(4, [0.5, Math.atanh(0.5), Math.atanh(-0.25), logit(0.25), 0, 7, 0.25]);
    const scaling = parseInputScaling({ resize: { rule: 'stretch', size: [32, 48] } });
    const wide = imageGeometry({ width: 96, height: 16 }, scaling);
    expect(detect([output], decoders.fastestdet, wide)).toEqual([[7, 0.3789291, 36, 2, 60, 10]]);
  });

  test('the threshold itself is not enough', () => {
    const output = map(0, [0.5, 0, 0, 0, 0, 3, 0.5]);
    expect(detect([output], decoders.fastestdet, geometry, { threshold: 0.499 })).toHaveLength(1);
    expect(detect([output], decoders.fastestdet, geometry, { threshold: 0.5 })).toEqual([]);
  });

  test('clipping: the box hangs over the left and the upper edge', () => {
    // cx = cy = 0, 24x16
    const output = map(0, [1, 0, 0, 0, 0, 0, 1]);
    expect(detect([output], decoders.fastestdet, geometry)).toEqual([[0, 1, -12, -8, 12, 8]]);
    expect(detect([output], decoders.fastestdet, geometry, { clip: 'image' })).toEqual([[0, 1, 0, 0, 12, 8]]);
  });
});

test('the example of detect', () => {
  const map = new Float32Array(85);
  map[0] = 1;
  map.set([Math.atanh(0.5), Math.atanh(0.5), 0, 0], 1);
  map[5 + 2] = 1;
  const scaling = parseInputScaling({ resize: { rule: 'stretch', size: 16 } });
  const geometry = imageGeometry({ width: 640, height: 480 }, scaling);
  expect(detect([map], decoders.fastestdet, geometry)).toEqual([[2, 1, 160, 120, 480, 360]]);
});

describe('the paper’s head', () => {
  // 64x64 pixels, 2x2 cells of 32; two classes. Cell 3: row 1, column 1.
  const decoder = decoders['yolo-one-scale'];
  const maps = (): Float32Array[] => {
    const objectness = new Float32Array(4).fill(-20);
    const classes = new Float32Array(8);
    const boxes = new Float32Array(16);
    objectness[3] = logit(0.8);
    classes[0 * 4 + 3] = 1; // softmax: e / (e + e^(1 + ln 3)) = 1/4 and 3/4
    classes[1 * 4 + 3] = 1 + Math.log(3);
    boxes[0 * 4 + 3] = logit(0.25); // cx = (1 + 0.25)·32 = 40
    boxes[1 * 4 + 3] = 0; // cy = (1 + 0.5)·32 = 48
    boxes[2 * 4 + 3] = Math.log(0.5); // w = 0.5·32 = 16
    boxes[3 * 4 + 3] = Math.log(1.25); // h = 1.25·32 = 40
    return [objectness, classes, boxes];
  };

  test('boxes worked out by hand, clipped to the input', () => {
    // 32..48 and 28..68: the lower edge is cut off at 64. Score sigmoid(obj)·softmax(cls) = 0.8·0.75.
    expect(detect(maps(), decoder, plain(64))).toEqual([[1, 0.6, 32, 28, 48, 64]]);
    expect(detect(maps(), decoder, plain(64), { clip: 'none' })).toEqual([[1, 0.6, 32, 28, 48, 68]]);
  });

  test('back from a letter-box', () => {
    // An image of 128x64 becomes 64x32 with 16 rows above: x·2, (y − 16)·2.
    const scaling = parseInputScaling({ resize: { rule: 'letterbox', size: 64 } });
    const geometry = imageGeometry({ width: 128, height: 64 }, scaling);
    expect(detect(maps(), decoder, geometry)).toEqual([[1, 0.6, 64, 24, 96, 96]]);
    expect(detect(maps(), decoder, geometry, { clip: 'image' })).toEqual([[1, 0.6, 64, 24, 96, 64]]);
  });

  test('the whole map beside a plain loop over the formulas', () => {
    const value = fc.double({ min: -3, max: 3, noNaN: true });
    const many = (n: number) => fc.array(value, { minLength: n, maxLength: n }).map((a) => Float32Array.from(a));
    fc.assert(
      fc.property(many(4), many(12), many(16), (objectness, classes, boxes) => {
        const expected = [0, 1, 2, 3].map((cell) => {
          const [x, y, w, h] = [0, 1, 2, 3].map((i) => boxes[i * 4 + cell]!);
          const exps = [0, 1, 2].map((c) => Math.exp(classes[c * 4 + cell]!));
          const p = Math.max(...exps) / (exps[0]! + exps[1]! + exps[2]!);
          const cx = 32 * ((cell % 2) + 1 / (1 + Math.exp(-x!)));
          const cy = 32 * (Math.floor(cell / 2) + 1 / (1 + Math.exp(-y!)));
          const [dx, dy] = [16 * Math.exp(w!), 16 * Math.exp(h!)];
          return [p / (1 + Math.exp(-objectness[cell]!)), cx - dx, cy - dy, cx + dx, cy + dy];
        });
        // iou 1: no suppression
        const found = detect([objectness, classes, boxes], decoder, plain(64), { iou: 1, clip: 'none', threshold: 0 });
        expect(found).toHaveLength(4);
        // Scores may tie, so each is looked for among all.
        for (const numbers of expected) {
          const near = ([, ...own]: Detection) =>
            own.every((number, k) => Math.abs(number - numbers[k]!) < (k === 0 ? 1e-6 : 1e-3));
          expect(found.filter(near).length).toBeGreaterThan(0);
        }
      }),
    );
  });
});

describe('a decoder of one’s own', () => {
  const own: DecoderOptions = {
    heads: [
      {
        stride: 8,
        box: { channel: 0, center: { activation: 'none', offset: 0.5 }, size: { activation: 'none', unit: 'pixel' } },
        classes: { channel: 4, activation: 'sigmoid' },
      },
      {
        stride: 16,
        box: {
          output: 1,
          center: { activation: 'sigmoid', scale: 2, offset: -0.5 },
          size: { activation: 'none', unit: 'input' },
        },
        classes: { output: 1, channel: 4, count: 1, activation: 'none' },
      },
    ],
    score: { objectness: 1, class: 2 },
  };

  test('two heads, no objectness, offsets, other units', () => {
    // Head 0, 2x1 cells of 8 pixels: cell 1 is column 1: cx = (1 + 0.25 + 0.5)·8 = 14, cy = 0.5·8 = 4, 6x2 pixels.
    const first = new Float32Array(2 * 6).fill(-20);
    [0.25, 0, 6, 2, -20, logit(0.5)].forEach((value, channel) => {
      first[channel * 2 + 1] = value;
    });
    // Head 1, one cell of 16 pixels, which the input of 16x8 does not fill: cx = (2·0.5 − 0.5)·16 = 8 = cy; 0.5·16 by 0.25·8.
    const second = Float32Array.of(0, 0, 0.5, 0.25, 0.9);
    expect(detect([first, second], parseDecoder(own), plain(16, 8))).toEqual([
      [0, 0.81, 4, 7, 12, 9],
      [1, 0.25, 11, 3, 17, 5],
    ]);
  });

  test.each<[object, string]>([
    [{ heads: [] }, 'decoder.heads: '],
    [{ ...own, score: { class: 0 } }, 'decoder.score.class: '],
    [{ ...own, iou: 1.5 }, 'decoder.iou: '],
    [{ ...own, anchors: [] }, 'decoder: Unrecognized key'],
    [{ heads: [{ ...own.heads[0], stride: 0 }] }, 'decoder.heads.0.stride: '],
    [{ heads: [{ ...own.heads[0], box: undefined }] }, 'decoder.heads.0.box: '],
  ])('refused: %#', async (value, text) => {
    const error = await caught(() => parseDecoder(value));
    expect(error.code).toBe('ERR_CASC_ARGUMENT');
    expect(error.message).toMatch(/^the decoder is wrong: /);
    expect(error.message).toContain(text);
  });

  test('survives JSON', () => {
    for (const decoder of Object.values(decoders)) {
      expect(parseDecoder(JSON.parse(JSON.stringify(decoder)))).toEqual(decoder);
    }
  });
});

describe('outputs that do not fit', () => {
  const run = (outputs: Float32Array[], geometry: ImageGeometry = plain(32)) =>
    caught(() => detect(outputs, decoders.fastestdet, geometry));
  const fitting = () => new Float32Array(85 * 4);

  test.each<[string, Float32Array[], string, string]>([
    ['none', [], 'ERR_CASC_SHAPE', 'reads output 0 (from 0), but the net has 0'],
    [
      'another grid',
      [new Float32Array(85 * 5)],
      'ERR_CASC_SHAPE',
      'output 0 has 425 values; the decoder reads channels',
    ],
    ['fewer channels', [new Float32Array(84 * 4)], 'ERR_CASC_SHAPE', 'channels 5 to 84 of maps of 4 cells'],
    ['NaN', [fitting().fill(Number.NaN, 9, 10)], 'ERR_CASC_MODEL', 'in cell 1 of its map'],
    ['infinite', [fitting().fill(Number.POSITIVE_INFINITY, 2, 3)], 'ERR_CASC_MODEL', 'in cell 2 of its map'],
  ])('%s', async (_, outputs, code, text) => {
    const error = await run(outputs);
    expect(error.code).toBe(code);
    expect(error.message).toContain(text);
  });

  test('a box too large for a number', async () => {
    const maps = [new Float32Array(1), new Float32Array(1), Float32Array.of(0, 0, 0, 1000)];
    const error = await caught(() => detect(maps, decoders['yolo-one-scale'], plain(32)));
    expect(error.code).toBe('ERR_CASC_MODEL');
  });
});

describe('suppression', () => {
  /** One row of cells of one pixel; each prediction gives its own box, class and score. */
  const decoder = parseDecoder({
    heads: [
      {
        stride: 1,
        box: { center: { activation: 'none' }, size: { activation: 'none', unit: 'pixel' } },
        classes: { channel: 4, activation: 'none' },
      },
    ],
    iou: 0.5,
  });

  function run(boxes: readonly Detection[], options: Partial<Decoder> & { classes?: (number | null)[] } = {}) {
    const n = boxes.length;
    const values = new Float32Array(n * 7);
    boxes.forEach(([label, score, x1, y1, x2, y2], i) => {
      [(x1 + x2) / 2 - i, (y1 + y2) / 2, x2 - x1, y2 - y1].forEach((value, channel) => {
        values[channel * n + i] = value;
      });
      values[(4 + label) * n + i] = score;
    });
    return detect([values], decoder, plain(n, 1), options);
  }

  const box = (label: number, score: number, x: number): Detection => [label, score, x, 0, x + 12, 10];

  test('greedy, within a class, the better one stays; by falling score', () => {
    // Neighbours overlap by 8/16 = 0.5, which is not more than 0.5; shifted by 3 they overlap by 9/15 = 0.6.
    const first = box(0, 0.5, 0);
    const half = box(0, 0.25, 4);
    const more = box(0, 0.375, 3);
    const other = box(1, 0.125, 0);
    expect(run([half, first, more, other])).toEqual([first, half, other]);
    // What was itself suppressed suppresses nothing: 6 overlaps 3 by 0.6, and 0 by a third only.
    expect(run([box(0, 0.25, 6), more, first])).toEqual([first, box(0, 0.25, 6)]);
    expect(run([half, first], { iou: 0.49 })).toEqual([first]);
  });

  test('of equal scores the earlier cell stays', () => {
    expect(run([box(0, 0.5, 3), box(0, 0.5, 0)])).toEqual([box(0, 0.5, 3)]);
    expect(run([box(0, 0.5, 0), box(0, 0.5, 3)])).toEqual([box(0, 0.5, 0)]);
  });

  test('the limit is for each class', () => {
    const boxes = [0, 1, 2, 3, 4, 5].map((i) => box(i % 2, (i + 1) / 8, 100 * i));
    expect(run(boxes, { limit: 2 })).toEqual([boxes[5], boxes[4], boxes[3], boxes[2]]);
    const many = Array.from({ length: 150 }, (_, i) => box(0, 0.5, 100 * i));
    expect(run(many)).toEqual(many.slice(0, 100));
  });

  test('classes of the data set', () => {
    const boxes = [box(0, 0.5, 0), box(1, 0.25, 0), box(2, 0.125, 0)];
    expect(run(boxes, { classes: [4, null, 0] })).toEqual([box(4, 0.5, 0), box(0, 0.125, 0)]);
  });

  test('what JSON keeps is what is there', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.nat(2),
            fc.double({ min: 0.01, max: 1, noNaN: true }),
            fc.double({ min: -50, max: 50, noNaN: true }),
            fc.double({ min: 0, max: 1e-3, noNaN: true }),
          ),
          { minLength: 1, maxLength: 20 },
        ),
        (drawn) => {
          const found = run(drawn.map(([label, score, x, y]): Detection => [label, score, x, y - 5, x + 7, y + 5]));
          const text = JSON.stringify(found);
          expect(JSON.parse(text)).toStrictEqual(found);
          expect(text).not.toMatch(/\d\.\d{8}|e-/);
        },
      ),
    );
  });
});
