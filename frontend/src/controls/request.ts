/** A request that a control makes: busy while it runs, and its failure shown where the person looks. */
import { useSignal, type ReadonlySignal } from "@preact/signals";
import { ApiError } from "../requests";
import { useKnown } from "../page";

export interface Request {
  readonly busy: ReadonlySignal<boolean>;
  /** Run `action`; a second one waits for nothing and is ignored while the first runs. True when it worked. */
  readonly run: (action: () => Promise<unknown>) => Promise<boolean>;
}

export function useRequest(): Request {
  const state = useKnown();
  const busy = useSignal(false);
  const run = async (action: () => Promise<unknown>): Promise<boolean> => {
    if (busy.value) return false;
    busy.value = true;
    try {
      await action();
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      state.notify({ level: "error", text: error.message, remedy: error.remedy });
      return false;
    } finally {
      busy.value = false;
    }
  };
  return { busy, run };
}
