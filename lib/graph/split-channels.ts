/** Where an activation's channels go before any weight meets them, and which of them can be made several times over. */
import { CascError } from '../errors';
import { isOutput, type Network, type NetworkNode, numel, type ReluNode, type RouteNode, readersOf } from './network';

/** A channel of the relu node `id`. */
export interface ActivationChannel {
  readonly id: number;
  readonly channel: number;
}

export interface ChannelTrace {
  /** Of all activations that a convolution alone makes; elsewhere a place here is a channel's name. */
  readonly channels: readonly ActivationChannel[];
  /** By node id: the activation's channel that each channel of the node holds; −1 where it holds none. */
  readonly origins: readonly Int32Array[];
  /** Channels whose elements data movement mixes with those of others. */
  readonly mixed: readonly number[];
}

/** Follows channels through pools and data movement. */
export function traceChannels(network: Network): ChannelTrace {
  const channels: ActivationChannel[] = [];
  const origins: Int32Array[] = [];
  const mixed: number[] = [];
  for (const node of network.nodes) {
    if (node.op === 'relu' && hasSumsOfItsOwn(network, node)) {
      const first = channels.length;
      for (let channel = 0; channel < node.shape.c; channel++) channels.push({ id: node.id, channel });
      origins.push(Int32Array.from({ length: node.shape.c }, (_, c) => first + c));
    } else if (node.op === 'maxpool' || node.op === 'avgpool') {
      origins.push(origins[node.inputs[0]!]!);
    } else if (node.op === 'route') {
      origins.push(throughRoute(network, node, origins, mixed));
    } else origins.push(new Int32Array(node.shape.c).fill(-1));
  }
  return { channels, origins, mixed };
}

/** Whether a convolution makes what the activation reads, for no other reader. */
function hasSumsOfItsOwn(network: Network, { inputs, tail, copies }: ReluNode): boolean {
  const source = network.nodes[inputs[0]!]!;
  return (
    !tail &&
    !copies &&
    source.op === 'conv' &&
    !isOutput(network, source.id) &&
    readersOf(network, source.id).length === 1
  );
}

function throughRoute(network: Network, route: RouteNode, origins: readonly Int32Array[], mixed: number[]): Int32Array {
  const sources = route.inputs.map((id) => ({ shape: network.nodes[id]!.shape, origin: origins[id]! }));
  const elements = new Int32Array(sources.reduce((sum, { shape }) => sum + numel(shape), 0));
  let end = 0;
  for (const { shape, origin } of sources) {
    for (const channel of origin) {
      elements.fill(channel, end, end + shape.h * shape.w);
      end += shape.h * shape.w;
    }
  }
  const plane = route.shape.h * route.shape.w;
  return Int32Array.from({ length: route.shape.c }, (_, c) => {
    const found = new Set<number>();
    for (const from of route.index.subarray(c * plane, (c + 1) * plane)) if (from >= 0) found.add(elements[from]!);
    if (found.size === 1) return [...found][0]!;
    mixed.push(...found);
    return -1;
  });
}

/**
 * The channels that can be made several times over, in sets of those that need equally many copies: a convolution in groups
 * that makes or reads them keeps groups of one size. Sets of one where only convolutions without groups do. What goes
 * anywhere but to convolutions, maybe behind pools and data movement, is in none.
 */
export function splitUnits(network: Network, trace = traceChannels(network)): ActivationChannel[][] {
  const { channels, origins } = trace;
  // Trees of channels that belong together; the last root is that of all that cannot be split.
  const parents = Int32Array.from({ length: channels.length + 1 }, (_, i) => i);
  const rootOf = (i: number): number => {
    let at = i < 0 ? channels.length : i;
    while (parents[at] !== at) at = parents[at] = parents[parents[at]!]!;
    return at;
  };
  const tie = (list: Iterable<number>, to: number) => {
    for (const i of list) parents[rootOf(i)] = rootOf(to);
  };
  tie(trace.mixed, -1);
  for (const { node } of network.outputs) tie(origins[node]!, -1);
  for (const node of network.nodes) {
    for (const id of node.inputs) {
      const read = origins[id]!;
      if (node.tail || !takesCopies(node)) tie(read, -1);
      else if (node.op === 'conv' && node.groups > 1) tie(read, read[0]!);
    }
    const source = network.nodes[node.inputs[0] ?? -1];
    const made = origins[node.id]!;
    if (node.op === 'relu' && source?.op === 'conv' && source.groups > 1) tie(made, made[0]!);
  }
  const units = new Map<number, ActivationChannel[]>();
  channels.forEach((channel, i) => {
    const root = rootOf(i);
    if (root === rootOf(-1)) return;
    if (!units.has(root)) units.set(root, []);
    units.get(root)!.push(channel);
  });
  return [...units.values()];
}

function takesCopies({ op }: NetworkNode): boolean {
  return op === 'conv' || op === 'maxpool' || op === 'avgpool' || op === 'route';
}

/** Throws ERR_CASC_ARGUMENT, naming the activation, where channels cannot have so many copies. */
export function checkCopies(
  network: Network,
  trace: ChannelTrace,
  splits: ReadonlyMap<number, readonly number[]>,
): void {
  for (const [id, copies] of splits) {
    const node = network.nodes[id]!;
    if (copies.length !== node.shape.c || !copies.every((m) => Number.isInteger(m) && m >= 1)) {
      throw refuse(network, id, `needs a number of copies for each of its ${node.shape.c} channels, got [${copies}]`);
    }
  }
  const units = splitUnits(network, trace);
  const splittable = new Set(units.flat().map(({ id, channel }) => `${id}.${channel}`));
  for (const [id, copies] of splits) {
    const at = copies.findIndex((m, channel) => m > 1 && !splittable.has(`${id}.${channel}`));
    if (at >= 0) {
      throw refuse(network, id, `channel ${at} cannot be split: something else than convolutions makes or reads it`);
    }
  }
  const copiesOf = ({ id, channel }: ActivationChannel) => splits.get(id)?.[channel] ?? 1;
  for (const unit of units) {
    const odd = unit.find((member) => copiesOf(member) !== copiesOf(unit[0]!));
    if (odd) throw refuse(network, odd.id, `channel ${odd.channel} needs as many copies as the others of its group`);
  }
}

function refuse(network: Network, id: number, reason: string): CascError {
  const { name } = network.nodes[id]!;
  return new CascError('ERR_CASC_ARGUMENT', `${network.file}: ${name}: ${reason}`, {
    file: network.file,
    node: name,
  });
}
