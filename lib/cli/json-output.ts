/** What `--json <file|->` and `--report <file>` do with a command's figures. */
import { checkWritable, writeWhole } from '../files/atomic-write';

/** A file besides the JSON, if it was asked for. */
export interface OtherFile<T> {
  path: string | undefined;
  text: (result: T) => Promise<string>;
}

/**
 * Writes what `work` gives to the files (seen to be writable before any work) beside the table, or to stdout instead of it. What is
 * not whole goes to stdout alone.
 */
export async function printResult<T>(
  json: string | undefined,
  work: () => Promise<T>,
  table: (result: T) => string,
  isWhole: (result: T) => boolean = () => true,
  other?: OtherFile<T>,
): Promise<T> {
  const file = json === '-' ? undefined : json;
  for (const path of [file, other?.path]) if (path !== undefined) await checkWritable(path);
  const result = await work();
  const text = `${JSON.stringify(result, null, 2)}\n`;
  if (json === '-') process.stdout.write(text);
  else console.log(table(result));
  if (!isWhole(result)) return result;
  if (file) await writeWhole(file, text);
  if (other?.path !== undefined) await writeWhole(other.path, await other.text(result));
  return result;
}
