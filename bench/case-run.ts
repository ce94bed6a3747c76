/** Measures the wanted rows of one case: prepared once, each instruction set's SNN loaded once. */
import { SpikingNetwork } from 'casc-snn';
import { type LatencyRow, latency } from './latency';
import { type MemoryRow, memory } from './memory';
import type { PeerCase } from './peer-cases';
import type { PeerRow } from './peer-rows';
import { type Prepared, prepare } from './prepared';
import { type ScalingRow, scaling } from './scaling';
import { certify, checkRest, type Facts, type Mode } from './simulation';
import { type ThroughputRow, throughput } from './throughput';

export interface Tables {
  throughput: ThroughputRow[];
  latency: LatencyRow[];
  scaling: ScalingRow[];
  memory: MemoryRow[];
  /** By net: operators of the int8 file as onnxruntime executes it, counted. */
  int8Kernels: Record<string, Record<string, number>>;
}

/** Adds the rows to `tables`. */
export async function runCase(
  one: PeerCase,
  wanted: readonly PeerRow[],
  rounds: number,
  folder: string,
  tables: Tables,
): Promise<void> {
  process.stderr.write(`${one.name} …\n`);
  const net = await prepare(one, folder);
  tables.int8Kernels[one.name] = net.int8Kernels;
  const isas = new Set(wanted.flatMap((row) => (row.table === 'memory' ? [] : [row.isa])));
  for (const isa of isas) {
    const snn = await SpikingNetwork.load(net.snn, { isa });
    try {
      const rows = wanted.filter((row) => row.table !== 'memory' && row.isa === isa);
      await runIsa(net, snn, rows, rounds, tables);
    } finally {
      snn.dispose();
    }
  }
  for (const { name } of wanted.filter(({ table }) => table === 'memory')) {
    process.stderr.write(`${name} …\n`);
    tables.memory.push(await memory(net));
  }
}

async function runIsa(
  net: Prepared,
  snn: SpikingNetwork,
  rows: readonly PeerRow[],
  rounds: number,
  tables: Tables,
): Promise<void> {
  const modes: Mode[] = [0, 'rest'];
  const known = new Map<Mode, Facts>();
  const factsOf = async (mode: Mode): Promise<Facts> => {
    const facts =
      known.get(mode) ?? (await (mode === 'rest' ? checkRest(snn, net, await factsOf(0)) : certify(snn, net, mode)));
    known.set(mode, facts);
    return facts;
  };
  for (const row of rows) {
    process.stderr.write(`${row.name} …\n`);
    if (row.table === 'latency') {
      tables.latency.push(...(await latency(net, snn, modes, rounds)));
    } else if (row.table === 'scaling') {
      tables.scaling.push(...(await scaling(net, snn, modes, rounds)));
    } else if (row.table === 'throughput') {
      tables.throughput.push(await throughput(net, snn, await factsOf(row.mode), row, rounds));
    }
  }
}
