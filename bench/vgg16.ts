/**
 * VGG-16 for CIFAR: 13 convolutions and a Gemm, batch normalisation folded. The weights are random (He), so it classifies
 * nothing; biases are set on real images so that its neurons are as busy as a trained net's. Same seed, same net.
 */
import { makeModel, makeNode, makeTensor, valueInfo, writeModel } from '../dist/onnx';
import { type Images, Peer } from './onnxruntime';

type Tensor = ReturnType<typeof makeTensor>;

const BLOCKS = [
  [64, 64],
  [128, 128],
  [256, 256, 256],
  [512, 512, 512],
  [512, 512, 512],
];
const CLASSES = 10;
/** Share of each channel's values above zero that gives a mean rate of 0.15 spikes per neuron and wake step at 8 levels. */
const ACTIVE = 0.41;

/** The net as bytes of an ONNX file; `images` [N, 3, 32, 32] set its biases. */
export async function makeVgg16(images: Images): Promise<Uint8Array> {
  const normal = generator(16);
  const nodes: ReturnType<typeof makeNode>[] = [];
  const initializers: Tensor[] = [];
  let seen = images;
  let tensor = 'input';
  for (const [b, block] of BLOCKS.entries()) {
    for (const [i, channels] of block.entries()) {
      const name = `block${b + 1}.conv${i + 1}`;
      const weight = draw(normal, channels, seen.dims[1]! * 9);
      const shape = [channels, seen.dims[1]!, 3, 3];
      const sums = await convolve(makeTensor('weight', shape, weight), seen);
      const bias = normalise(weight, sums);
      seen = sums;
      initializers.push(makeTensor(`${name}.weight`, shape, weight), makeTensor(`${name}.bias`, [channels], bias));
      nodes.push(
        makeNode('Conv', [tensor, `${name}.weight`, `${name}.bias`], [name], WINDOW),
        makeNode('Relu', [name], [`${name}.relu`]),
      );
      tensor = `${name}.relu`;
    }
    nodes.push(makeNode('MaxPool', [tensor], [`pool${b + 1}`], { kernel_shape: [2, 2], strides: [2, 2] }));
    tensor = `pool${b + 1}`;
    seen = maxPool(seen);
  }
  const features = seen.dims[1]!;
  initializers.push(
    makeTensor('fc.weight', [CLASSES, features], draw(normal, CLASSES, features)),
    makeTensor('fc.bias', [CLASSES], new Float32Array(CLASSES)),
  );
  nodes.push(
    makeNode('Flatten', [tensor], ['features']),
    makeNode('Gemm', ['features', 'fc.weight', 'fc.bias'], ['logits'], { transB: 1 }),
  );
  return writeModel(
    makeModel({
      nodes,
      initializers,
      inputs: [valueInfo('input', ['N', ...images.dims.slice(1)])],
      outputs: [valueInfo('logits', ['N', CLASSES])],
    }),
  );
}

const WINDOW = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };

async function convolve(weight: Tensor, images: Images): Promise<Images> {
  const [n, , h, w] = images.dims as [number, number, number, number];
  const channels = weight.dims![0]!;
  const model = makeModel({
    nodes: [makeNode('Conv', ['x', 'weight'], ['y'], WINDOW)],
    initializers: [weight],
    inputs: [valueInfo('x', images.dims)],
    outputs: [valueInfo('y', [n, channels, h, w])],
  });
  const peer = await Peer.open(writeModel(model), 2);
  try {
    const [pixels] = await peer.run(images);
    return { pixels: pixels!, dims: [n, channels, h, w] };
  } finally {
    await peer.close();
  }
}

/**
 * Scales each channel's weights so that its sums have variance 1, and returns the biases that leave the share ACTIVE above
 * zero: batch normalisation, folded. `sums` become the activations.
 */
function normalise(weight: Float32Array, { pixels, dims }: Images): Float32Array {
  const [n, channels, h, w] = dims as [number, number, number, number];
  const fanIn = weight.length / channels;
  const area = h * w;
  const bias = new Float32Array(channels);
  const values = new Float32Array(n * area);
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < n; i++) {
      const at = (i * channels + c) * area;
      values.set(pixels.subarray(at, at + area), i * area);
    }
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const scale = 1 / Math.sqrt(values.reduce((sum, z) => sum + (z - mean) ** 2, 0) / values.length);
    const limit = values.sort()[Math.floor((1 - ACTIVE) * values.length)]!;
    bias[c] = -limit * scale;
    for (let i = c * fanIn; i < (c + 1) * fanIn; i++) weight[i]! *= scale;
    for (let i = 0; i < n; i++) {
      const at = (i * channels + c) * area;
      for (let j = at; j < at + area; j++) pixels[j] = Math.max(0, pixels[j]! * scale + bias[c]!);
    }
  }
  return bias;
}

/** 2x2, stride 2. */
function maxPool({ pixels, dims }: Images): Images {
  const [n, channels, h, w] = dims as [number, number, number, number];
  const half = [n, channels, h / 2, w / 2];
  const pooled = new Float32Array(pixels.length / 4);
  let at = 0;
  for (let row = 0; row < n * channels * h; row += 2) {
    for (let x = row * w; x < (row + 1) * w; x += 2) {
      pooled[at++] = Math.max(pixels[x]!, pixels[x + 1]!, pixels[x + w]!, pixels[x + w + 1]!);
    }
  }
  return { pixels: pooled, dims: half };
}

/** He: deviation √(2 / fan-in). */
function draw(normal: () => number, channels: number, fanIn: number): Float32Array {
  const deviation = Math.sqrt(2 / fanIn);
  return Float32Array.from({ length: channels * fanIn }, () => normal() * deviation);
}

/** Normal values: mulberry32 and Box-Muller. */
function generator(seed: number): () => number {
  let state = seed;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
