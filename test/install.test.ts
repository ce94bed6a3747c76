/** The install script's own words where nothing can be built; and the one source list. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '..');

test('without CMake it says what was tried and what to do', () => {
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts/install.js')], {
    encoding: 'utf8',
    env: { PATH: '', CASC_BUILD: 'cmake' },
  });
  expect(status).toBe(1);
  expect(stderr).toMatch(/was not built\. Tried:\n {2}- cmake-js: no `cmake` on the PATH/);
  expect(stderr).toContain('apt-get install cmake g++');
});

test('an unknown way to build is refused', () => {
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts/install.js')], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, CASC_BUILD: 'make' },
  });
  expect(status).toBe(1);
  expect(stderr).toContain('CASC_BUILD is "make"; expected "cmake" or "gyp"');
});

test('the one source list names files that exist, each once', () => {
  const listed = execFileSync(process.execPath, [join(root, 'scripts/sources.js')], { encoding: 'utf8' })
    .trim()
    .split('\n');
  expect(new Set(listed).size).toBe(listed.length);
  expect(listed.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  const present = execFileSync('git', ['ls-files', 'native/*.cc'], { cwd: root, encoding: 'utf8' }).trim().split('\n');
  expect([...listed].sort()).toEqual(present.sort());
});
