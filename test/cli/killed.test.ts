/** A process that is killed while it quantises. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { box, main, temporaryFolder } from '../support/casc';

const folder = temporaryFolder();

test.each([200, 400, 800])('SIGKILL after %i ms: no output, nothing beside it, an older file untouched', async (ms) => {
  const older = join(folder, 'older.onnx');
  writeFileSync(older, 'as it was');
  for (const output of [join(folder, 'new.onnx'), older]) {
    const child = spawn(process.execPath, [
      ...[main, 'quantize', join(box, 'fashion-mnist-relu.onnx'), '-o', output, '--levels', '8', '--format', 'int8'],
      ...[
        '--method',
        'refit',
        '--split',
        '0.5',
        '--samples',
        '1000',
        '--calibration',
        `mnist:${box}`,
        '--mean',
        '0.2860',
        '--std',
        '0.3530',
      ],
      ...['--threads', '1'],
    ]);
    await wait(ms);
    child.kill('SIGKILL');
    const [, signal] = await once(child, 'exit');
    expect(signal).toBe('SIGKILL');
    expect(readdirSync(folder)).toEqual(['older.onnx']);
    expect(readFileSync(older, 'utf8')).toBe('as it was');
  }
});
