/** Ask whether there is a stream. */

const PATIENCE_MS = 4000;

/** The status the server answers with; null when it does not answer. */
export async function probe(address: string): Promise<number | null> {
  try {
    const response = await fetch(address, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
    return response.status;
  } catch {
    return null;
  }
}
