/** The command line as its users start it: a process of its own, from dist/. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(__dirname, '..', '..');
export const main = join(root, 'dist', 'cli', 'main.js');

export interface CliResult {
  status: number | null;
  stdout: string;
  stderr: string;
}

export function casc(
  args: readonly string[],
  env: Record<string, string> = {},
  output: 'pipe' | number = 'pipe',
): CliResult {
  return runNode(main, args, env, output);
}

/** A script of the repository in a process of its own, from its root. */
export function runNode(
  script: string,
  args: readonly string[] = [],
  env: Record<string, string> = {},
  output: 'pipe' | number = 'pipe',
): CliResult {
  const { LD_PRELOAD: _, ...clean } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['pipe', output, 'pipe'],
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

export const box = join(root, 'examples', 'fashion-mnist');
