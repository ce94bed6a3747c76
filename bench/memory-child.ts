/** Started by memory.ts: loads the library and a net, simulates a few batches and prints its peak memory after each stage. */
import { readFileSync } from 'node:fs';

export interface Task {
  /** Paths: the quantised net, and one batch as raw float32. */
  snn: string;
  pixels: string;
  batch: number;
  batches: number;
  threads: number;
}

export interface Peaks {
  isa: string;
  /** Resident bytes at most, up to the end of each stage. */
  peakBytes: { node: number; library: number; loaded: number; run: number };
}

/**
 * Bytes. Linux hands the largest size of a parent down to its child's maxRSS, so that the benchmark's own size would show;
 * VmHWM is the process's own.
 */
function peak(): number {
  if (process.platform !== 'linux') return 1024 * process.resourceUsage().maxRSS;
  return 1024 * Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))![1]);
}

async function main(task: Task): Promise<Peaks> {
  const node = peak();
  const { SpikingNetwork } = await import('casc-snn');
  const library = peak();
  const snn = await SpikingNetwork.load(task.snn);
  const loaded = peak();
  const bytes = readFileSync(task.pixels);
  const pixels = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  for (let i = 0; i < task.batches; i++) {
    await snn.simulate(pixels, task.batch, { sleep: 'auto', threads: task.threads });
  }
  return { isa: snn.isa, peakBytes: { node, library, loaded, run: peak() } };
}

main(JSON.parse(process.argv[2]!)).then((peaks) => console.log(JSON.stringify(peaks)));
