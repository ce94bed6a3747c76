/** The kernels themselves, without Node.js: every instruction set against the scalar one on random jobs. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addon } from '../../lib/native';

const root = join(__dirname, '..', '..');
// The compiler does without a sanitiser's run-time library.
const { LD_PRELOAD: _, ...env } = process.env;

function run(command: string, args: string[]): string {
  const { status, signal, stdout, stderr } = spawnSync(command, args, { cwd: root, env, encoding: 'utf8' });
  if (status !== 0)
    throw new Error(`${[command, ...args].join(' ')} ended with ${status ?? signal}\n${stdout}${stderr}`);
  return stdout;
}

const installed = (tool: string) => spawnSync(tool, ['--version'], { env }).status === 0;

/** A test that is skipped with one line where one of the tools is missing. */
function testWith(tools: string[], name: string, body: () => void): void {
  const missing = tools.find((tool) => !installed(tool));
  if (missing === undefined) {
    test(name, body, 300_000);
  } else {
    process.stderr.write(`skipped: ${name} (no ${missing})\n`);
    test.skip(name, body);
  }
}

testWith([process.env.CXX ?? 'c++', 'bash'], 'all instruction sets equal the scalar one on random jobs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'casc-kernels-'));
  try {
    run('bash', ['scripts/kernels-test.sh', folder]);
    const printed = run(join(folder, 'kernels-test'), ['1', '500']);
    for (const isa of addon().info().found.slice(1)) expect(printed).toContain(`${isa}: equal`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

testWith(['aarch64-linux-gnu-g++', 'qemu-aarch64'], 'NEON equals scalar under emulation', () => {
  const printed = run('bash', ['scripts/test-arm64.sh', '1', '500']);
  expect(printed.match(/neon: equal/g)).toHaveLength(2);
});
