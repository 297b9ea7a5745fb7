/** What is fetched when it is first shown: the code of a page. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";

export type Component = () => JSX.Element;
/** Fetches a component; the same function is the same component. */
export type Load = () => Promise<Component>;

const known = new Map<Load, Component>();

/** What `load` fetches: null while it is on its way, "failed" when it cannot be had. */
export function useLate(load: Load): Component | "failed" | null {
  const found = useSignal<{ readonly load: Load; readonly is: Component | "failed" } | null>(null);
  useEffect(() => {
    if (known.has(load)) return;
    let wanted = true;
    const take = (is: Component | "failed"): void => {
      if (is !== "failed") known.set(load, is);
      if (wanted) found.value = { load, is };
    };
    load().then(take, () => take("failed"));
    return () => {
      wanted = false;
    };
  }, [load]);
  const now = found.value; // read in any case: it is what this waits for
  return known.get(load) ?? (now?.load === load ? now.is : null);
}
