/** What `--json <file|->` does with a command's figures. */
import { checkWritable, writeWhole } from '../files/atomic-write';

/**
 * Writes what `work` gives to the file (seen to be writable before any work) beside the table, or to stdout instead of it. What is
 * not whole goes to stdout alone.
 */
export async function printResult<T>(
  json: string | undefined,
  work: () => Promise<T>,
  table: (result: T) => string,
  isWhole: (result: T) => boolean = () => true,
): Promise<T> {
  const file = json === '-' ? undefined : json;
  if (file) await checkWritable(file);
  const result = await work();
  const text = `${JSON.stringify(result, null, 2)}\n`;
  if (json === '-') process.stdout.write(text);
  else console.log(table(result));
  if (file && isWhole(result)) await writeWhole(file, text);
  return result;
}
