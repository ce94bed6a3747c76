/** The detectors that casc-snn knows. */
import { cocoClasses } from './class-names';
import { type Decoder, parseDecoder } from './decoder';

/**
 * By name.
 *
 * - `fastestdet`: FastestDet (dog-qiuqiu), one output [85, rows, columns]; sigmoid of the objectness and softmax of the classes are
 *   in the network.
 * - `yolo-one-scale`: the paper's head (Brain-Cog-Lab/casc, src/det/models/yolo.py): three raw maps, objectness, classes, boxes,
 *   in this order, any number of classes. Its threshold keeps a score that equals it, too; otherwise as there.
 */
export const decoders: Readonly<Record<'fastestdet' | 'yolo-one-scale', Decoder>> = {
  fastestdet: parseDecoder({
    heads: [
      {
        stride: 16,
        objectness: { channel: 0, activation: 'none' },
        box: { channel: 1, center: { activation: 'tanh' }, size: { activation: 'sigmoid', unit: 'input' } },
        classes: { channel: 5, count: 80, activation: 'none' },
      },
    ],
    score: { objectness: 0.6, class: 0.4 },
    iou: 0.45,
    classNames: cocoClasses,
  }),
  'yolo-one-scale': parseDecoder({
    heads: [
      {
        stride: 32,
        objectness: { output: 0, activation: 'sigmoid' },
        classes: { output: 1, activation: 'softmax' },
        box: { output: 2, center: { activation: 'sigmoid' }, size: { activation: 'exp', unit: 'cell' } },
      },
    ],
    iou: 0.6,
    clip: 'input',
  }),
};
