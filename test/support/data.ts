/** Real data and models for tests: the folder CASC_DATA, by default `shared` beside the repository. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

const root = resolve(process.env.CASC_DATA ?? resolve(__dirname, '../../../shared'));

/** Path below the data folder: dataPath('data/cifar10'), dataPath('models/resnet20-cifar10.onnx'). */
export function dataPath(path: string): string {
  return resolve(root, path);
}

/**
 * A `describe` over real data. Where one of `paths` is missing its tests are skipped with one line that says so, and fail
 * where CASC_REQUIRE_DATA is 1.
 */
export function describeWithData(name: string, paths: readonly string[], tests: () => void): void {
  const missing = paths.map(dataPath).find((path) => !existsSync(path));
  if (missing === undefined) {
    describe(name, tests);
  } else if (process.env.CASC_REQUIRE_DATA === '1') {
    throw new Error(
      `CASC_REQUIRE_DATA is 1, but ${missing} does not exist; set CASC_DATA to the folder with data/ and models/`,
    );
  } else {
    process.stderr.write(`skipped: ${name} (no ${missing}; set CASC_DATA)\n`);
    describe.skip(name, tests);
  }
}
