/** Additions a second of one convolution's synapses by path, beside the roofs of the instruction set, measured in the same run. */
import { CascError, type SynapsePath, Synapses } from 'casc-snn';
import { type Convolution, isWanted, type Load, nameOfConvolution, percent, wanted } from './kernel-cases';
import { table } from './table';

export interface Roof {
  /** 16-bit additions of 8-bit weights from the first-level cache, and 8-bit multiply-adds in registers, a second. */
  additions: number;
  macs: number;
}

export interface Timed {
  name: string;
  convolution: Convolution;
  load: Load;
  path: SynapsePath;
  isa: string;
  /** Of one repetition, in the fastest batch. */
  seconds: number;
  repetitions: number;
  /** What the spikes cause, whichever way it is computed. */
  additionsPerSecond: number;
  /** Of the dense product of the same steps. */
  macsPerSecond: number;
}

export interface SynapseRow extends Timed {
  /** Of its roof: additions on the sparse paths, multiply-adds on the dense one. */
  roofShare: number;
}

export const synapseName = (one: Convolution, { phase, density }: Load, path: SynapsePath, isa: string): string =>
  `synapses ${nameOfConvolution(one)} ${phase} ${percent(density)} ${path} ${isa}`;

/** Numbers from 0 to 1, the same in every run. */
function* uniform(): Generator<number, never> {
  let state = 1;
  for (;;) {
    state = Math.imul(state, 1_664_525) + 1_013_904_223;
    yield (state >>> 8) / 2 ** 24;
  }
}

/** A quarter of the spikes are negative, as in a wake phase of ResNet-20. */
function spikesOf({ from, side }: Convolution, { steps, density }: Load): Int8Array {
  const random = uniform();
  return Int8Array.from({ length: steps * from * side * side }, () => {
    const x = random.next().value;
    return x >= density ? 0 : x < density / 4 ? -1 : 1;
  });
}

/** So small that rows of 512 channels fit 16 bits. */
function weightsOf({ from, to, kernel }: Convolution): Int8Array {
  const random = uniform();
  return Int8Array.from({ length: to * from * kernel * kernel }, () => Math.floor(random.next().value * 15) - 7);
}

/** Null where the path cannot compute this convolution. */
export function synapsesOf(one: Convolution, path: SynapsePath, isa: string): Synapses | null {
  const { from, kernel, side, stride = 1 } = one;
  const pad = (kernel - 1) / 2;
  try {
    return new Synapses({
      input: { c: from, h: side, w: side },
      weights: weightsOf(one),
      kernel: [kernel, kernel],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
      path,
      isa,
    });
  } catch (error) {
    if (error instanceof CascError && error.code === 'ERR_CASC_UNSUPPORTED') return null;
    throw error;
  }
}

export function synapseRow(synapses: Synapses, convolution: Convolution, load: Load, budget: number): Timed {
  const { path, isa } = synapses;
  const { seconds, repetitions, additions, macs } = synapses.time(spikesOf(convolution, load), { seconds: budget });
  return {
    name: synapseName(convolution, load, path, isa),
    convolution,
    load,
    path,
    isa,
    seconds,
    repetitions,
    additionsPerSecond: additions / seconds,
    macsPerSecond: macs / seconds,
  };
}

/** The roofs of the rows' instruction sets: the higher of two measurements each, since a CPU's clock wanders. */
export function higherRoofs(isas: Iterable<string>, seconds: number, before: Record<string, Roof> = {}) {
  const roofs: Record<string, Roof> = {};
  for (const isa of isas) {
    const { additions, macs } = Synapses.roofs({ isa, seconds });
    const { additions: a, macs: m } = before[isa] ?? { additions: 0, macs: 0 };
    roofs[isa] = { additions: Math.max(additions, a), macs: Math.max(macs, m) };
  }
  return roofs;
}

export function withShares(rows: readonly Timed[], roofs: Record<string, Roof>): SynapseRow[] {
  return rows.map((row) => {
    const { additions, macs } = roofs[row.isa]!;
    const { path, macsPerSecond, additionsPerSecond } = row;
    return { ...row, roofShare: path === 'dense' ? macsPerSecond / macs : additionsPerSecond / additions };
  });
}

const billions = (rate: number): string => (rate / 1e9).toFixed(rate < 1e10 ? 2 : 1);

export function roofTable(roofs: Record<string, Roof>): string {
  return table(
    'Roofs: billion operations a second',
    ['isa', 'additions', 'multiply-adds'],
    Object.entries(roofs).map(([isa, { additions, macs }]) => [isa, billions(additions), billions(macs)]),
  );
}

export function synapseTable(rows: readonly SynapseRow[]): string {
  return table(
    'Synapses: billion additions that spikes cause, and dense multiply-adds, a second; share of the roof (sparse: additions, dense: multiply-adds)',
    ['convolution', 'phase', 'density', 'isa', 'path', 'us', 'Gadd/s', 'GMAC/s', 'roof'],
    rows.map(({ convolution, load, isa, path, seconds, additionsPerSecond, macsPerSecond, roofShare }) => [
      ...[nameOfConvolution(convolution), load.phase, percent(load.density), isa, path, (seconds * 1e6).toFixed(1)],
      ...[billions(additionsPerSecond), path === 'dense' ? billions(macsPerSecond) : '', percent(roofShare)],
    ]),
  );
}

/** One line per instruction set whose wanted rows were measured. */
export function wantedLines(rows: readonly SynapseRow[]): string[] {
  return Object.entries(wanted).flatMap(([isa, least]) => {
    const best = new Map<string, number>();
    for (const row of rows) {
      if (row.isa !== isa || row.path === 'dense' || !isWanted(row.convolution, row.load)) continue;
      const name = nameOfConvolution(row.convolution);
      best.set(name, Math.max(best.get(name) ?? 0, row.additionsPerSecond));
    }
    if (best.size === 0) return [];
    const rates = [...best.values()].map((rate) => billions(rate));
    const missed = [...best].filter(([, rate]) => rate < least).map(([name, rate]) => `${name} (${billions(rate)})`);
    return [
      `sparse 3x3, 64 to 512 channels at 10 %, ${isa}: ${rates.join(', ')} billion additions a second; wanted ${billions(least)}: ${missed.length > 0 ? `missed by ${missed.join('; ')}` : 'reached'}`,
    ];
  });
}
