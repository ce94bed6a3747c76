/** Exit codes that scripts can trust. */
export const ExitCode = { Done: 0, Failed: 1, Usage: 2, CertificateFailed: 3, Interrupted: 130 } as const;
