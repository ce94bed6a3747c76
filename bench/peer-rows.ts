/** The rows of a case by name, before anything is measured: what the filter chooses from. */
import { info } from 'casc-snn';
import type { PeerCase } from './peer-cases';
import { type Mode, modeName } from './simulation';

export type PeerRow = { name: string } & (
  | { table: 'throughput'; isa: string; threads: number; mode: Mode }
  | { table: 'latency' | 'scaling'; isa: string }
  | { table: 'memory' }
);

/** Rows with the filter in their name, in any case of letters. */
export function rowsOf(one: PeerCase, filter: string): PeerRow[] {
  if (one.hidden) return filter === one.name ? all(one) : [];
  return all(one).filter(({ name }) => name.toLowerCase().includes(filter.toLowerCase()));
}

function all(one: PeerCase): PeerRow[] {
  const isas = process.env.CASC_ISA ? [info().isa] : info().found;
  const rows = isas.flatMap((isa) => [...throughputRows(one, isa), ...furtherRows(one, isa)]);
  return one.also.includes('memory') ? [...rows, { table: 'memory', name: `${one.name} memory` }] : rows;
}

function throughputRows({ name, batch, threads, staggers }: PeerCase, isa: string): PeerRow[] {
  const modes: Mode[] = specifies(isa) ? [0] : [...staggers, 'rest'];
  return threads.flatMap((count) =>
    modes.map((mode) => ({
      table: 'throughput',
      name: `${name} batch ${batch} threads ${count} ${isa} ${modeName(mode)}`,
      isa,
      threads: count,
      mode,
    })),
  );
}

function furtherRows({ name, also }: PeerCase, isa: string): PeerRow[] {
  if (specifies(isa)) return [];
  const tables = (['latency', 'scaling'] as const).filter((table) => also.includes(table));
  return tables.map((table) => ({ table, name: `${name} ${table} ${isa}`, isa }));
}

/** The scalar kernels are the specification and run for scale alone: one row a thread count, unless they are asked for. */
function specifies(isa: string): boolean {
  return isa === 'scalar' && !process.env.CASC_ISA;
}
