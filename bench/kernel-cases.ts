/** What `npm run bench:kernels` measures, as data. */
import type { SynapsePath } from 'casc-snn';

/** Steps that are computed together, and the share of values in them that are spikes. */
export interface Load {
  phase: 'wake' | 'sleep';
  steps: number;
  density: number;
}

export interface Convolution {
  /** Channels. */
  from: number;
  to: number;
  /** Side of the kernel and of the input, in pixels. */
  kernel: number;
  side: number;
  stride?: number;
}

/** ResNet-20 and VGG for CIFAR, then 1×1 as in SqueezeNet and bottlenecks, strided, and Gemm. */
export const convolutions: Convolution[] = [
  { kernel: 3, from: 16, to: 16, side: 32 },
  { kernel: 3, from: 32, to: 32, side: 16 },
  { kernel: 3, from: 64, to: 64, side: 8 },
  { kernel: 3, from: 64, to: 64, side: 32 },
  { kernel: 3, from: 128, to: 128, side: 8 },
  { kernel: 3, from: 256, to: 256, side: 4 },
  { kernel: 3, from: 512, to: 512, side: 4 },
  { kernel: 3, from: 512, to: 512, side: 2 },
  { kernel: 3, from: 16, to: 32, side: 32, stride: 2 },
  { kernel: 3, from: 128, to: 256, side: 8, stride: 2 },
  { kernel: 5, from: 32, to: 32, side: 16 },
  { kernel: 1, from: 64, to: 256, side: 8 },
  { kernel: 1, from: 256, to: 64, side: 8 },
  { kernel: 1, from: 128, to: 16, side: 32 },
  { kernel: 1, from: 16, to: 64, side: 32 },
  { kernel: 1, from: 512, to: 10, side: 1 },
  { kernel: 1, from: 512, to: 512, side: 1 },
];

export const synapseLoads: Load[] = [
  ...[0.01, 0.1, 0.22, 0.4].map((density): Load => ({ phase: 'wake', steps: 8, density })),
  { phase: 'sleep', steps: 1, density: 0.01 },
];

export const paths: SynapsePath[] = ['scatter', 'rows', 'dense'];

/** Additions a second that the sparse paths are to reach on 3×3 convolutions of 64 to 512 channels at 10 %. */
export const wanted: Record<string, number> = { avx512: 60e9, avx2: 25e9 };
export const isWanted = ({ kernel, stride = 1, from }: Convolution, { phase, density }: Load): boolean =>
  kernel === 3 && stride === 1 && from >= 64 && phase === 'wake' && density === 0.1;

export interface NeuronCase {
  /** `step`: one step a call; `train`: whole spike trains, as the engine runs them. */
  kernel: 'step' | 'train';
  type: 'int32' | 'float32';
  size: number;
  load: Load;
}

export const neuronCases: NeuronCase[] = [
  ...(['int32', 'float32'] as const).flatMap((type) =>
    [1_000, 16_384, 262_144].flatMap((size) =>
      [0.02, 0.2].map(
        (density): NeuronCase => ({ kernel: 'step', type, size, load: { phase: 'wake', steps: 1, density } }),
      ),
    ),
  ),
  ...[1_000, 16_384].flatMap((size) =>
    [
      ...[8, 32].flatMap((steps) => [0.02, 0.2].map((density): Load => ({ phase: 'wake', steps, density }))),
      { phase: 'sleep', steps: 8, density: 0.01 } as Load,
    ].map((load): NeuronCase => ({ kernel: 'train', type: 'int32', size, load })),
  ),
];

export const percent = (density: number): string => `${Math.round(density * 100)} %`;

export const nameOfConvolution = ({ kernel, from, to, side, stride = 1 }: Convolution): string =>
  `${kernel}x${kernel} ${from} to ${to}, ${side}x${side}${stride > 1 ? ` stride ${stride}` : ''}`;
