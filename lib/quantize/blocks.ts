/** A network cut into blocks: what lies between two points where few values, all of them activations, carry everything on. */
import type { Network, NetworkNode } from '../graph/network';

/** Ids of nodes of the network. */
export interface Block {
  /** Made before the block: the net's input, activations, and pools and routes of these. */
  readonly inputs: readonly number[];
  /** In topological order, without the inputs. */
  readonly nodes: readonly number[];
  /** Nodes of the block that something later reads, or that the net gives out. */
  readonly outputs: readonly number[];
}

/** A lone convolution is joined to what follows it, if that makes no more than so many… */
const CHAIN = 3;
/** …and what has no single-value point inside is split only beyond so many. */
const MOST = 8;

/** Blocks in topological order, which hold every node outside the tail but the input. */
export function findBlocks(network: Network): Block[] {
  return new Finder(network).run();
}

class Finder {
  /** Ids outside the tail. */
  private readonly order: number[];
  private readonly place = new Map<number, number>();
  /** Place of the last node that reads a node; Infinity where the tail or the caller does. */
  private readonly lastUse: number[];
  private readonly settled = new Set<number>();

  constructor(private readonly network: Network) {
    this.order = network.nodes.filter((node) => !node.tail).map((node) => node.id);
    this.order.forEach((id, at) => {
      this.place.set(id, at);
    });
    this.lastUse = this.order.map(() => -1);
    for (const { node } of network.outputs) this.use(node, Number.POSITIVE_INFINITY);
    for (const node of network.nodes) {
      const at = node.tail ? Number.POSITIVE_INFINITY : this.place.get(node.id)!;
      for (const input of node.inputs) this.use(input, at);
      if (isSettled(node, this.settled)) this.settled.add(node.id);
    }
  }

  run(): Block[] {
    const last = this.order.length - 1;
    const cuts = this.cutsBetween(0, last).filter((at) => this.live(at).length === 1);
    const segments = this.segments([0, ...cuts.filter((at) => at > 0), last]);
    return this.joined(segments)
      .flatMap((segment) => this.split(segment))
      .map((segment) => this.block(segment));
  }

  private use(id: number, at: number): void {
    const place = this.place.get(id);
    if (place !== undefined) this.lastUse[place] = Math.max(this.lastUse[place]!, at);
  }

  /** Places of the values made up to `at` that are needed behind it. */
  private live(at: number): number[] {
    const result: number[] = [];
    for (let p = 0; p <= at; p++) if (this.lastUse[p]! > at) result.push(p);
    return result;
  }

  /** Where the net may be cut: behind `at`, with from < at < to, all that is carried on is settled. */
  private cutsBetween(from: number, to: number): number[] {
    const cuts: number[] = [];
    for (let at = from; at < to; at++) {
      if (this.live(at).every((p) => this.settled.has(this.order[p]!))) cuts.push(at);
    }
    return cuts;
  }

  private node(at: number): NetworkNode {
    return this.network.nodes[this.order[at]!]!;
  }

  private convolutions({ from, to }: Segment): number {
    let count = 0;
    for (let at = from + 1; at <= to; at++) if (this.node(at).op === 'conv') count++;
    return count;
  }

  /** Between neighbouring bounds. One without a convolution goes to the one before: its loss is nearer to what matters. */
  private segments(bounds: readonly number[]): Segment[] {
    const result: Segment[] = [];
    for (let i = 1; i < bounds.length; i++) {
      const segment = { from: bounds[i - 1]!, to: bounds[i]! };
      if (segment.from === segment.to) continue;
      const before = result.at(-1);
      if (before && this.convolutions(segment) === 0) before.to = segment.to;
      else result.push(segment);
    }
    return result;
  }

  /** Lone convolutions joined to what follows (a squeeze to its expansion); the first and the last stay alone. */
  private joined(segments: readonly Segment[]): Segment[] {
    const result: Segment[] = [];
    segments.forEach((segment, i) => {
      const before = result.at(-1);
      const inner = i >= 2 && i < segments.length - 1;
      const lone = before && inner && this.convolutions(before) === 1;
      if (lone && this.convolutions(segment) < CHAIN) before.to = segment.to;
      else result.push({ ...segment });
    });
    return result;
  }

  /** Halves what is too large, where the fewest values are carried on. */
  private split(segment: Segment): Segment[] {
    if (this.convolutions(segment) <= MOST) return [segment];
    const middle = (segment.from + segment.to) / 2;
    let best: { at: number; live: number } | undefined;
    for (const at of this.cutsBetween(segment.from + 1, segment.to)) {
      const parts = [
        { from: segment.from, to: at },
        { from: at, to: segment.to },
      ];
      if (parts.some((part) => this.convolutions(part) === 0)) continue;
      const live = this.live(at).length;
      const nearer = best && live === best.live && Math.abs(at - middle) < Math.abs(best.at - middle);
      if (!best || live < best.live || nearer) best = { at, live };
    }
    if (!best) return [segment];
    return [...this.split({ from: segment.from, to: best.at }), ...this.split({ from: best.at, to: segment.to })];
  }

  private block({ from, to }: Segment): Block {
    const inputs = new Set<number>();
    const nodes: number[] = [];
    const outputs: number[] = [];
    for (let at = from + 1; at <= to; at++) {
      const node = this.node(at);
      nodes.push(node.id);
      for (const input of node.inputs) if (this.place.get(input)! <= from) inputs.add(input);
      if (this.lastUse[at]! > to) outputs.push(node.id);
    }
    return { inputs: [...inputs], nodes, outputs };
  }
}

/** Places (from, to]. */
interface Segment {
  from: number;
  to: number;
}

function isSettled(node: NetworkNode, settled: ReadonlySet<number>): boolean {
  if (node.op === 'input' || node.op === 'relu' || node.op === 'quant') return true;
  const moves = node.op === 'maxpool' || node.op === 'avgpool' || node.op === 'route';
  return moves && node.inputs.every((input) => settled.has(input));
}
