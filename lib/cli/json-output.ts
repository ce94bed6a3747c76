/** What `--json <file|->` and `--report <file>` do with a command's figures. */
import { resolve } from 'node:path';
import { CascError } from '..';
import { checkWritable, isSameFile, writeWhole } from '../files/atomic-write';

export interface OutputOptions<T> {
  /** Files that the command reads, or appends to: no output may replace them. */
  kept: readonly (string | undefined)[];
  /** What is not whole goes to stdout alone. Default: everything is. */
  isWhole?: (result: T) => boolean;
  /** A file besides the JSON, if it was asked for. */
  report?: { path: string | undefined; text: (result: T) => Promise<string> };
}

/** Writes what `work` gives to the files (seen to be writable before any work) beside the table, or to stdout instead of it. */
export async function printResult<T>(
  json: string | undefined,
  work: () => Promise<T>,
  table: (result: T) => string,
  { kept, isWhole = () => true, report }: OutputOptions<T>,
): Promise<T> {
  const file = json === '-' ? undefined : json;
  const taken = kept.filter((path) => path !== undefined);
  for (const path of [file, report?.path]) {
    if (path === undefined) continue;
    await checkWritable(path);
    for (const other of taken) await checkApart(path, other);
    taken.push(path);
  }
  const result = await work();
  const text = `${JSON.stringify(result, null, 2)}\n`;
  if (json === '-') process.stdout.write(text);
  else console.log(table(result));
  if (!isWhole(result)) return result;
  if (file) await writeWhole(file, text);
  if (report?.path !== undefined) await writeWhole(report.path, await report.text(result));
  return result;
}

async function checkApart(path: string, other: string): Promise<void> {
  if (resolve(path) !== resolve(other) && !(await isSameFile(path, other))) return;
  throw new CascError(
    'ERR_CASC_ARGUMENT',
    `${path} is needed for something else in this command (${other}) and would be overwritten; choose another name for what is written`,
    { file: path },
  );
}
