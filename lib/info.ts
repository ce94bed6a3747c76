/** What this installation is and what it runs on. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AddonInfo, addon } from './native';

export type { AddonInfo } from './native';

/**
 * Version, instruction sets built, found and in use, hardware threads. Throws ERR_CASC_ADDON, ERR_CASC_ISA.
 *
 * @example
 * console.log(info().isa); // 'avx2'
 */
export function info(): AddonInfo & { version: string; node: string; platform: string } {
  return {
    version: version(),
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    ...addon().info(),
  };
}

export function version(): string {
  const file = join(__dirname, '..', 'package.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
