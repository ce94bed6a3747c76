/** The command line as its users start it: a process of its own, from dist/. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const main = join(__dirname, '..', '..', 'dist', 'cli', 'main.js');

export interface CliResult {
  status: number | null;
  stdout: string;
  stderr: string;
}

export function casc(args: readonly string[], env: Record<string, string> = {}): CliResult {
  const { LD_PRELOAD: _, ...clean } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    encoding: 'utf8',
    // A sanitised addon needs its run-time library in the child too.
    env: { ...(process.env.CASC_SANITIZED ? process.env : clean), ...env },
  });
  return { status, stdout, stderr };
}

/** A folder that exists for the tests of one file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'casc-test-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export const box = join(__dirname, '..', '..', 'examples', 'fashion-mnist');
