/** What the file system refuses, as ERR_CASC_FILE. */
import { CascError, messageOf } from '../errors';

const advice: Readonly<Record<string, string>> = {
  ENOENT: 'it or its folder does not exist; check the path',
  EACCES: 'permission denied; check the rights of the file and its folders',
  EPERM: 'permission denied; check the rights of the file and its folders',
  EISDIR: 'it is a folder; give the path of a file',
  ENOTDIR: 'a part of its path is not a folder; check the path',
  EMFILE: 'too many open files; raise the limit (ulimit -n)',
};

/** Runs `action` on `file`; an error of the file system becomes a CascError, any other passes. */
export async function onFile<T>(file: string, action: (file: string) => Promise<T>): Promise<T> {
  try {
    return await action(file);
  } catch (error) {
    throw fileError(file, error);
  }
}

/** The CascError for an error of the file system; any other error is given back as it is. */
export function fileError(file: string, error: unknown): unknown {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  if (syscall === undefined || code === undefined) return error;
  return new CascError(
    'ERR_CASC_FILE',
    `${file} cannot be opened: ${advice[code] ?? messageOf(error)}`,
    { file },
    { cause: error },
  );
}
