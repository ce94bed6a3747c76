/**
 * The fp32 net and its quantised twin side by side. A value of either has a key; any set of values, computed from any other
 * set that is at hand, is one description for the dense pass.
 */
import type { Network, NetworkNode, Shape } from '../graph/network';

export type Key = number;

export interface Part {
  nodes: NetworkNode[];
  /** Place of a value in `nodes`. */
  at: (key: Key) => number;
}

export class Twins {
  /** The twin's nodes, replaced one after the other. */
  readonly quantized: NetworkNode[];

  constructor(private readonly network: Network) {
    this.quantized = [...network.nodes];
  }

  /** Key of a value of the fp32 net. */
  floatKey(id: number): Key {
    return id;
  }

  quantizedKey(id: number): Key {
    return id + this.network.nodes.length;
  }

  shape(key: Key): Shape {
    return this.network.nodes[key % this.network.nodes.length]!.shape;
  }

  /** Both nets' values that nodes from `id` on read and earlier nodes have computed; in order of key. */
  live(id: number): Key[] {
    const keys = new Set<Key>();
    for (const node of this.network.nodes.slice(id)) {
      if (node.tail) continue;
      for (const input of node.inputs) {
        if (input < id) keys.add(this.floatKey(input)).add(this.quantizedKey(input));
      }
    }
    return [...keys].sort((a, b) => a - b);
  }

  /** What computes `wanted` from `given`; the values given are its input nodes, in that order. */
  part(given: readonly Key[], wanted: readonly Key[]): Part {
    const needed = new Set<Key>();
    const visit = (key: Key) => {
      if (needed.has(key) || given.includes(key)) return;
      needed.add(key);
      for (const input of this.inputs(key)) visit(input);
    };
    wanted.forEach(visit);
    const place = new Map<Key, number>();
    const nodes: NetworkNode[] = [];
    for (const key of given) {
      place.set(key, nodes.length);
      nodes.push({ ...this.node(key), id: nodes.length, inputs: [], op: 'input', grid: null } as NetworkNode);
    }
    for (const key of [...needed].sort((a, b) => a - b)) {
      const inputs = this.inputs(key).map((input) => place.get(input)!);
      place.set(key, nodes.length);
      nodes.push({ ...this.node(key), id: nodes.length, inputs } as NetworkNode);
    }
    return { nodes, at: (key) => place.get(key)! };
  }

  private node(key: Key): NetworkNode {
    const { nodes } = this.network;
    return key < nodes.length ? nodes[key]! : this.quantized[key - nodes.length]!;
  }

  private inputs(key: Key): Key[] {
    const { inputs } = this.node(key);
    return key < this.network.nodes.length ? [...inputs] : inputs.map((id) => this.quantizedKey(id));
  }
}
