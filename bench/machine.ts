/** Where and with what a benchmark ran: goes with every table and every `--json`. */
import { execFileSync } from 'node:child_process';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { info } from 'casc-snn';

export interface Setting {
  machine: { cpu: string; cores: number; load: number };
  node: string;
  platform: string;
  version: string;
  isas: { built: string[]; found: string[] };
  /** Of the addon, and the flags it was given, empty where the build did not record them. */
  compiler: string;
  flags: string;
  commit: string | null;
  date: string;
}

export function setting(): Setting {
  const { node, platform, version, built, found, compiler, flags } = info();
  const processors = cpus();
  return {
    // The load of the minute before: above 0, other jobs ran too.
    machine: { cpu: processors[0]?.model.trim() ?? 'unknown', cores: processors.length, load: loadavg()[0]! },
    node,
    platform,
    version,
    isas: { built, found },
    compiler,
    flags,
    commit: commit(),
    date: new Date().toISOString(),
  };
}

/** One line for people. */
export function describe({ machine, node, version, compiler, commit, date }: Setting): string {
  const { cpu, cores, load } = machine;
  return `${cpu}, ${cores} cores, load ${load.toFixed(1)}; node ${node}; casc-snn ${version} at ${commit ?? 'no commit'} by ${compiler}; ${date.slice(0, 10)}`;
}

/** Null outside a git checkout. */
function commit(): string | null {
  try {
    const args = ['describe', '--always', '--dirty', '--exclude', '*'];
    const cwd = join(__dirname, '..');
    return execFileSync('git', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim() || null;
  } catch {
    return null;
  }
}

/** Starts a measurement; the function returned ends it: cores that were busy with other processes in between, on average. */
export function watchOthers(): () => number {
  const start = { wall: performance.now(), busy: busyMs(), own: process.cpuUsage() };
  return () => {
    const { user, system } = process.cpuUsage(start.own);
    const others = busyMs() - start.busy - (user + system) / 1000;
    return Math.max(0, others / (performance.now() - start.wall));
  };
}

/** Of all cores since they were started. */
function busyMs(): number {
  return cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0);
}
