/** What `npm run bench:peers` compares: nets, images and settings as data. */
import { join, resolve } from 'node:path';
import type { InputScalingOptions } from 'casc-snn';
import type { Images } from './onnxruntime';
import { makeVgg16 } from './vgg16';

export interface PeerCase {
  name: string;
  /** The original fp32 net: a file, or how to make its bytes from calibration images. */
  model: string | ((images: Images) => Promise<Uint8Array>);
  /** `kind:path[#split]` of the images that are timed (the first `batch`, spread) and of those that calibrate. */
  data: string;
  calibration: string;
  calibrationImages: number;
  /** What must exist. */
  needs: string[];
  scaling: InputScalingOptions;
  levels: number;
  format: 'int8' | 'int16';
  batch: number;
  threads: number[];
  /** Staggers that are measured; 0 is the run without. */
  staggers: number[];
  /** Further tables that the net is in: latency of a single image, 2 threads beside 1, peak memory. */
  also: ('latency' | 'scaling' | 'memory')[];
  /** Runs only where the filter is its whole name. */
  hidden?: true;
}

const root = join(__dirname, '..');
const shared = resolve(process.env.CASC_DATA ?? join(root, '..', 'shared'));
const box = join(root, 'examples', 'fashion-mnist');
const cifar = {
  data: `cifar10:${join(shared, 'data', 'cifar10')}`,
  calibration: `cifar10:${join(shared, 'data', 'cifar10')}#train`,
  scaling: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
};

export const cases: PeerCase[] = [
  {
    ...cifar,
    name: 'ResNet-20 CIFAR-10',
    model: join(shared, 'models', 'resnet20-cifar10.onnx'),
    calibrationImages: 256,
    needs: [join(shared, 'models', 'resnet20-cifar10.onnx'), join(shared, 'data', 'cifar10')],
    levels: 8,
    format: 'int8',
    batch: 64,
    threads: [1, 2],
    staggers: [0, 2, 8],
    also: ['latency', 'scaling', 'memory'],
  },
  {
    name: 'SqueezeNet ImageNet',
    model: join(shared, 'models', 'squeezenet1.0-imagenet.onnx'),
    data: `imagenet:${join(shared, 'data', 'imagenet-sample', 'val')}`,
    calibration: `imagenet:${join(shared, 'data', 'imagenet-sample', 'val')}`,
    calibrationImages: 64,
    needs: [join(shared, 'models', 'squeezenet1.0-imagenet.onnx'), join(shared, 'data', 'imagenet-sample', 'val')],
    scaling: {
      mean: [123, 117, 104],
      scale: 1,
      resize: { rule: 'short-side', size: 256 },
      crop: { height: 227, width: 227 },
    },
    levels: 16,
    format: 'int8',
    batch: 8,
    threads: [1, 2],
    staggers: [0, 2, 16],
    also: ['memory'],
  },
  {
    ...cifar,
    name: 'VGG-16 random CIFAR-10',
    model: makeVgg16,
    calibrationImages: 64,
    needs: [join(shared, 'data', 'cifar10')],
    levels: 8,
    format: 'int8',
    batch: 64,
    threads: [1, 2],
    staggers: [0, 2, 8],
    also: ['scaling'],
  },
  {
    // In the box: keeps this benchmark itself under test.
    name: 'box',
    model: join(box, 'fashion-mnist-relu.onnx'),
    data: `mnist:${box}`,
    calibration: `mnist:${box}`,
    calibrationImages: 64,
    needs: [],
    scaling: { mean: [0.286], std: [0.353] },
    levels: 8,
    format: 'int8',
    batch: 8,
    threads: [2],
    staggers: [0, 2],
    also: ['latency', 'scaling', 'memory'],
    hidden: true,
  },
];

/** Instruction sets that the tables name even where they are missing. */
export const namedUnits = ['avx512', 'amx'];
