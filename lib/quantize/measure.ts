/** What quantisation did to a net: errors and saturation of its activations, and its answers, beside the fp32 net. */
import type { Dataset } from '../datasets';
import { classCount } from '../graph';
import type { Network, NetworkNode, QuantNode } from '../graph/network';
import { abortable, addon, type NativeHistogram } from '../native';
import { openNodes } from './calibrate';
import { distributionOf, merge } from './histograms';

/** One activation of a quantised net. */
export interface ActivationFigures {
  /** Root mean square difference from the fp32 net's activation, relative to that one's root mean square. */
  error: number;
  /** Share of neurons on level 0, and on level Q. */
  zero: number;
  top: number;
}

export interface Answers {
  /** Share of images that both nets answer alike. */
  agreement: number;
  /** Top-1 on the images' labels, where all have one. */
  top1?: { ann: number; quantized: number };
}

export interface Measurement {
  images: number;
  /** For each variant, by id of its quant nodes. */
  variants: ReadonlyMap<number, ActivationFigures>[];
  /** Where the net is a classifier. */
  answers?: Answers;
}

export interface MeasureOptions {
  threads?: number;
  signal?: AbortSignal;
  onProgress?: (done: number, total: number) => void;
}

/** Images that are measured at most, evenly spread. */
const IMAGES = 256;
const BATCH = 32;

/**
 * Runs the fp32 net, `variants` of it (the same nodes, activations quantised) and the net as it was `written` side by side.
 */
export async function measure(
  fp32: Network,
  variants: readonly Network[],
  written: Network,
  dataset: Dataset,
  options: MeasureOptions,
): Promise<Measurement> {
  const graph = new SideBySide(fp32);
  const watched = variants.map((variant) => graph.watch(variant));
  const classes = classCount(fp32);
  const outputs = classes === undefined ? [] : [graph.output(), graph.outputOf(written)];
  const observe = watched.flatMap((list) =>
    list.flatMap(({ difference, exact, levels, top }) => [difference, exact, levels, top]),
  );
  const plan = openNodes(graph.nodes, outputs);
  // The fp32 activations are watched once for all variants.
  const distinct = [...new Set(observe)];
  const totals: NativeHistogram[] = [];
  const tally = new Tally(classes ?? 0);
  let images = 0;
  let done = 0;
  try {
    for await (const batch of dataset.batches(BATCH)) {
      const count = Math.min(batch.count, Math.ceil((batch.count * IMAGES) / dataset.size));
      const part = batch.images.subarray(0, (batch.images.length / batch.count) * count);
      const threads = options.threads ?? addon().info().threads;
      const inputs = graph.inputs.map(() => part);
      const result = await abortable(options.signal, (abort) =>
        plan.run(inputs, count, { threads, observe: distinct, abort }),
      );
      result.histograms.forEach((histogram, i) => {
        totals[i] = totals[i] ? merge(totals[i], histogram) : histogram;
      });
      const [exact, quantized] = result.outputs;
      if (exact && quantized) tally.add(exact, quantized, batch.labels.subarray(0, count));
      images += count;
      done += batch.count;
      options.onProgress?.(done, dataset.size);
    }
  } finally {
    plan.dispose();
  }
  const seen = new Map(distinct.map((node, i) => [node, totals[i]!]));
  return {
    images,
    variants: watched.map((list) => new Map(list.map((nodes) => [nodes.id, figures(nodes, seen)]))),
    ...(classes === undefined ? {} : { answers: tally.answers() }),
  };
}

/** Places of what is observed of one activation. */
interface Watched {
  id: number;
  difference: number;
  exact: number;
  levels: number;
  top: number;
}

/** Several nets in one description; the variants read the fp32 net's input. */
class SideBySide {
  readonly nodes: NetworkNode[] = [];
  readonly inputs: number[] = [];

  constructor(private readonly fp32: Network) {
    this.append(fp32);
  }

  output(): number {
    return this.fp32.outputs[0]!.node;
  }

  outputOf(network: Network): number {
    return this.append(network)(network.outputs[0]!.node);
  }

  watch(variant: Network): Watched[] {
    const place = this.append(variant, this.fp32.input);
    return variant.nodes.flatMap((node): Watched[] => {
      if (node.op !== 'quant' || this.fp32.nodes[node.id]!.op !== 'relu') return [];
      const labels = { id: node.id, name: node.name, tensor: '', onnx: [], tail: false, shape: node.shape };
      const negative = this.push({
        ...labels,
        op: 'scale',
        inputs: [place(node.id)],
        factor: new Float32Array(node.shape.c).fill(-1),
        shift: null,
      });
      const sum = this.push({ ...labels, op: 'add', inputs: [node.id, negative] });
      const difference = this.push({ ...labels, op: 'unary', kind: 'abs', inputs: [sum] });
      const top = this.push({ ...topOf(node), inputs: node.inputs.map(place) });
      return [{ id: node.id, difference, exact: node.id, levels: place(node.id), top }];
    });
  }

  /** Adds a net's nodes and tells where they are; with `input` its own input is left out for that node. */
  private append(network: Network, input?: number): (id: number) => number {
    const places: number[] = [];
    for (const node of network.nodes) {
      if (node.op === 'input' && input !== undefined) places.push(input);
      else places.push(this.push({ ...node, inputs: node.inputs.map((id) => places[id]!) }));
      if (node.op === 'input' && input === undefined) this.inputs.push(places.at(-1)!);
    }
    return (id) => places[id]!;
  }

  private push(node: NetworkNode): number {
    this.nodes.push({ ...node, id: this.nodes.length });
    return this.nodes.length - 1;
  }
}

/** 1 where the activation is on its highest level, else 0. */
function topOf(node: QuantNode): QuantNode {
  const stepIn = node.stepIn.map((step) => step * node.levels);
  return { ...node, levels: 1, stepIn, stepOut: stepIn.map(() => 1) };
}

function figures(
  { difference, exact, levels, top }: Watched,
  seen: ReadonlyMap<number, NativeHistogram>,
): ActivationFigures {
  const count = ({ positive, nonPositive }: NativeHistogram) => positive.reduce((sum, n) => sum + n, nonPositive);
  const squares = (histogram: NativeHistogram) => {
    const { values, counts } = distributionOf(histogram);
    return values.reduce((sum, value, i) => sum + counts[i]! * value ** 2, 0);
  };
  const share = (histogram: NativeHistogram) => histogram.nonPositive / count(histogram);
  const energy = squares(seen.get(exact)!);
  return {
    error: energy > 0 ? Math.sqrt(squares(seen.get(difference)!) / energy) : 0,
    zero: share(seen.get(levels)!),
    top: 1 - share(seen.get(top)!),
  };
}

/** Answers of two nets to the same images. */
class Tally {
  private images = 0;
  private alike = 0;
  private labelled = 0;
  private readonly right = { ann: 0, quantized: 0 };

  constructor(private readonly classes: number) {}

  add(exact: Float32Array, quantized: Float32Array, labels: Int32Array): void {
    labels.forEach((label, i) => {
      const [ann, ours] = [exact, quantized].map((all) =>
        largest(all.subarray(i * this.classes, (i + 1) * this.classes)),
      );
      this.images++;
      if (ann === ours) this.alike++;
      if (label >= 0) this.labelled++;
      if (ann === label) this.right.ann++;
      if (ours === label) this.right.quantized++;
    });
  }

  answers(): Answers {
    const { images, right } = this;
    const agreement = this.alike / images;
    if (this.labelled < images) return { agreement };
    return { agreement, top1: { ann: right.ann / images, quantized: right.quantized / images } };
  }
}

function largest(values: Float32Array): number {
  return values.reduce((best, value, i) => (value > values[best]! ? i : best), 0);
}
